/** Services that fall silent: given up after the time that was set, connection and all, and named. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { connectCatalog } from "../../ingest/src/catalog.ts";
import type { Settings } from "../../ingest/src/settings.ts";
import { connectStore } from "../../ingest/src/store.ts";
import { connectTrino } from "../../ingest/src/trino.ts";

const silenceMs = 200;
afterEach(() => vi.unstubAllEnvs());

/** A server that says `answers[n]` on its nth connection when it is spoken to, and never another word. */
async function silentServer(answers: string[] = []) {
  const open = new Set<Socket>();
  const heard: string[] = [];
  const server = createServer((socket) => {
    const index = heard.push("") - 1;
    open.add(socket);
    socket.once("data", () => socket.write(answers[index] ?? ""));
    socket.on("data", (chunk) => (heard[index] += String(chunk))).on("error", () => undefined);
    socket.on("close", () => open.delete(socket));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    /** Connections that the client has not closed. */
    open,
    /** What came on each connection. */
    heard,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const http = (body: string, length = body.length) =>
  `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${body}`;

/** A store on that port, which may be silent for `silenceMs`. */
function storeAt(port: number, silenceMs: number) {
  const ingest = { accessKey: "key", secretKey: "secret" };
  return connectStore(
    { store: { endpoint: `http://127.0.0.1:${port}`, ingest }, silenceMs } as Settings,
    "ingest",
  );
}

describe("a service that falls silent", () => {
  it.each([
    { when: "at once", answers: [] },
    { when: "in the middle of its answer", answers: [http("half", 10)] },
  ])("should be given up: the store, $when", async ({ answers }) => {
    await using server = await silentServer(answers);
    const folder = mkdtempSync(join(tmpdir(), "silence-"));
    writeFileSync(join(folder, "file"), "some bytes");
    const upload = storeAt(server.port, silenceMs).putFile("bronze", "rows/a", join(folder, "file"));
    await expect(upload).rejects.toMatchObject({
      exitCode: 5,
      message: "store: put bronze/rows/a: no answer within 0.2 s",
    });
    rmSync(folder, { recursive: true });
    await expect.poll(() => server.open.size).toBe(0);
  });

  it("should not keep an interrupted run from its end", async () => {
    await using server = await silentServer();
    const interruption = new AbortController();
    const { signal } = interruption;
    const file = import.meta.filename;
    const upload = storeAt(server.port, 60_000).putFile("bronze", "originals/a", file, { signal });
    await expect.poll(() => server.open.size).toBe(1);
    interruption.abort(new Error("interrupted"));
    await expect(upload).rejects.toThrow("interrupted");
    await expect.poll(() => server.open.size).toBe(0);
  });

  it("should be given up: the catalog", async () => {
    await using server = await silentServer();
    vi.stubEnv("PGPORT", String(server.port));
    const settings = { catalog: { host: "127.0.0.1", ledgerPassword: "" }, silenceMs } as Settings;
    await expect(connectCatalog(settings, "ledger")).rejects.toMatchObject({
      exitCode: 5,
      message: "catalog: connect as ledger: no answer within 0.2 s",
    });
    await expect.poll(() => server.open.size).toBe(0);
  });

  it("should be given up: Trino, which is then not asked to end the statement either", async () => {
    const answers: string[] = [];
    await using server = await silentServer(answers);
    const url = `http://127.0.0.1:${server.port}`;
    answers.push(http(JSON.stringify({ id: "1", nextUri: `${url}/v1/statement/1` })));
    const trino = { url, authorityFile: import.meta.filename, passwords: {} };
    const session = connectTrino({ trino, silenceMs } as Settings, "bi", { catalog: "lakehouse" });
    await expect(session.query("SELECT 1")).rejects.toMatchObject({
      exitCode: 5,
      message: 'trino: query "SELECT 1": no answer within 0.2 s',
    });
    expect(server.heard.map((text) => text.split(" ")[0])).toEqual(["POST", "GET"]);
    await expect.poll(() => server.open.size).toBe(0);
  });
});
