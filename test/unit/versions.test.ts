/** The versions of objects, of which a store tells a thousand at a time. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import type { Settings } from "../../ingest/src/settings.ts";
import { connectStore } from "../../ingest/src/store.ts";

const version = (key: string, id: string) =>
  `<Version><Key>${key}</Key><VersionId>${id}</VersionId><LastModified>2026-01-01T00:00:00Z</LastModified><Size>1</Size></Version>`;
const listing = (content: string, next = "") =>
  `<ListVersionsResult><IsTruncated>${next !== ""}</IsTruncated>${next}${content}</ListVersionsResult>`;
const more = "<NextKeyMarker>gold/a%2Bb+c</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>";

it("should be asked for from the key on that the page before ended with, spelled as in a request", async () => {
  const asked: string[] = [];
  const pages = [listing(version("gold/a%2Bb+c", "v1"), more), listing(version("gold/d", "v2"))];
  const server = createServer(({ url = "" }, response) => {
    response.end(pages[asked.push(url) - 1]);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const key = { accessKey: randomUUID(), secretKey: randomUUID() };
  const settings = {
    store: { endpoint: `http://127.0.0.1:${port}`, region: "us-east-1", erasure: key },
    silenceMs: 2000,
  };
  try {
    const store = connectStore(settings as unknown as Settings, "erasure");
    const found = await Array.fromAsync(store.listVersions("warehouse", "gold/"));
    expect(found.map(({ key, versionId }) => `${key} ${versionId}`)).toEqual(["gold/a+b c v1", "gold/d v2"]);
    expect(asked[1]).toContain("key-marker=gold%2Fa%2Bb%20c&");
    expect(asked[1]).toContain("version-id-marker=v1");
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
