import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bucketsOf } from "../../ingest/src/buckets.ts";
import { requireStore, serviceKeys } from "../../ingest/src/secrets/service-keys.ts";

const folder = mkdtempSync(join(tmpdir(), "service-keys-"));
function keysOf(text: string) {
  const file = join(folder, "keys");
  writeFileSync(file, text);
  return serviceKeys(file, ["INGEST", "TRINO_READER"]);
}
const refusal = (message: string) => expect.objectContaining({ message, exitCode: 2 });

describe("the keys of an object store that somebody else runs", () => {
  it("should be one pair for all, unless a user has one", () => {
    const own = "S3_TRINO_READER_ACCESS_KEY=R\r\n S3_TRINO_READER_SECRET_KEY=r\n";
    expect(keysOf(`# ours\n\nS3_ACCESS_KEY=A\nS3_SECRET_KEY=a/b+c==\n${own}`)).toEqual({
      S3_INGEST_ACCESS_KEY: "A",
      S3_INGEST_SECRET_KEY: "a/b+c==",
      S3_TRINO_READER_ACCESS_KEY: "R",
      S3_TRINO_READER_SECRET_KEY: "r",
      STORE_ROOT_USER: "A",
      STORE_ROOT_PASSWORD: "a/b+c==",
    });
  });

  it("should be refused with everyone who has none", () => {
    expect(() => keysOf("S3_INGEST_ACCESS_KEY=A\nS3_INGEST_SECRET_KEY=a\n")).toThrow(
      refusal("STORE_KEYS: no keys for S3_TRINO_READER_..., S3_BUCKETS_..."),
    );
  });

  it.each([
    ["S3_ACCESS_KEY=A", "STORE_KEYS: S3_ACCESS_KEY and S3_SECRET_KEY belong together, found one"],
    [
      "S3_ACCESS_KEY=A\nS3_SECRET_KEY=a\nS3_INGEST_ACCESS_KEY=I",
      "STORE_KEYS: S3_INGEST_ACCESS_KEY and S3_INGEST_SECRET_KEY belong together, found one",
    ],
    [
      "S3_READR_ACCESS_KEY=A",
      "STORE_KEYS:1: S3_READR_ACCESS_KEY: expected one of INGEST, TRINO_READER, BUCKETS, found READR",
    ],
    ["S3_ACCESS_KEY=A\nS3_ACCESS_KEY=B", "STORE_KEYS:2: S3_ACCESS_KEY is there twice"],
  ])("should be refused where the file says something else than it means: %s", (text, message) => {
    expect(() => keysOf(text)).toThrow(refusal(message));
  });

  it.each([
    "S3_ACCESS_KEY=",
    "S3_ACCESS_KEY=$(date)",
    "S3_ACCESS_KEY=~/a",
    "ACCESS_KEY=A",
    "S3_ACCESS_KEY = A",
    "S3_SECRET_KEY='a'",
  ])("should be refused by the line, without its value: %s", (line) => {
    expect(() => keysOf(`\n${line}\n`)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^STORE_KEYS:2: expected NAME=value/) }),
    );
  });

  it("should be refused where there is no file", () => {
    expect(() => serviceKeys(folder, [])).toThrow(/^STORE_KEYS: cannot be read: EISDIR/);
  });
});

describe("the choice of the object store", () => {
  const longestPrefix = 63 - Math.max(...Object.values(bucketsOf("")).map(({ length }) => length));

  it.each([
    {},
    { STORE: "seaweedfs", STORE_ENDPOINT: "http://store:9000" },
    { STORE: "s3", STORE_ENDPOINT: "https://s3.example.com" },
    { STORE: "s3", STORE_ENDPOINT: "http://s3.example.com:9000" },
    { STORE_PREFIX: "" },
    { STORE_PREFIX: "acme-reelhouse-" },
    { STORE: "seaweedfs", STORE_PREFIX: "7" },
    { STORE_PREFIX: "a".repeat(longestPrefix) },
  ])("should be taken: %s", (env) => {
    expect(() => requireStore(env)).not.toThrow();
  });

  it.each([
    { env: { STORE: "MinIO" }, message: /^STORE: expected minio, seaweedfs or s3, found 'MinIO'/ },
    {
      env: { STORE: "minio", STORE_ENDPOINT: "https://s3.example.com" },
      message: /^STORE_ENDPOINT: minio runs here/,
    },
    ...["http://store:9000", "s3.example.com", "https://s3.example.com/", "https://s3.example.com/base"].map(
      (endpoint) => ({
        env: { STORE: "s3", STORE_ENDPOINT: endpoint },
        message: /^STORE_ENDPOINT: expected the address/,
      }),
    ),
    { env: { STORE: "s3" }, message: /^STORE_ENDPOINT: expected the address/ },
    ...["Acme-", "acme_", "acme.", "-acme", "acme/", "acme ", "a".repeat(longestPrefix + 1)].map(
      (prefix) => ({
        env: { STORE_PREFIX: prefix },
        message: /^STORE_PREFIX: expected at most 54 lower-case letters, digits and hyphens/,
      }),
    ),
  ])("should be refused: $env", ({ env, message }) => {
    expect(() => requireStore(env)).toThrow(message);
  });
});
