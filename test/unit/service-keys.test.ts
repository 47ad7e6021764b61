import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { serviceKeys } from "../../ingest/src/secrets/service-keys.ts";

const folder = mkdtempSync(join(tmpdir(), "service-keys-"));
function keysOf(text: string) {
  const file = join(folder, "keys");
  writeFileSync(file, text);
  return serviceKeys(file, ["INGEST", "TRINO_READER"]);
}

describe("the keys of an object store that somebody else runs", () => {
  it("should be one pair for all, unless a user has one", () => {
    const text =
      "# ours\n\nS3_ACCESS_KEY=A\nS3_SECRET_KEY=a/b+c==\nS3_TRINO_READER_ACCESS_KEY=R\n S3_TRINO_READER_SECRET_KEY=r\n";
    expect(keysOf(text)).toEqual({
      S3_INGEST_ACCESS_KEY: "A",
      S3_INGEST_SECRET_KEY: "a/b+c==",
      S3_TRINO_READER_ACCESS_KEY: "R",
      S3_TRINO_READER_SECRET_KEY: "r",
      STORE_ROOT_USER: "A",
      STORE_ROOT_PASSWORD: "a/b+c==",
    });
  });

  it("should be refused with every name that is missing", () => {
    expect(() => keysOf("S3_ACCESS_KEY=A\nS3_INGEST_SECRET_KEY=a\n")).toThrow(
      expect.objectContaining({
        message: "STORE_KEYS: missing: S3_TRINO_READER_SECRET_KEY, S3_BUCKETS_SECRET_KEY",
        exitCode: 2,
      }),
    );
  });

  it.each([
    "S3_ACCESS_KEY=",
    "S3_ACCESS_KEY=$(date)",
    "ACCESS_KEY=A",
    "S3_ACCESS_KEY = A",
    "S3_SECRET_KEY='a'",
  ])("should be refused by the line, without its value: %s", (line) => {
    const refusal = expect.objectContaining({
      message: expect.stringMatching(/^STORE_KEYS:2: expected NAME=value/),
    });
    expect(() => keysOf(`\n${line}\n`)).toThrow(refusal);
  });
});
