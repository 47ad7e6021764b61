/** What the bronze writer wrote, read by a library that shares no code with it. */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { type Column, createParquetFile, microseconds } from "../../ingest/src/bronze/parquet.ts";

const require = createRequire(import.meta.url);
// parquetjs-lite knows no zstd, but asks this table for what it does not know.
const { PARQUET_COMPRESSION_METHODS } = require("parquetjs-lite/lib/compression");
PARQUET_COMPRESSION_METHODS.ZSTD = {
  deflate: () => undefined,
  inflate: (bytes: Buffer) => zstdDecompressSync(bytes),
};
const { ParquetReader, ParquetEnvelopeReader } = require("parquetjs-lite");

const folder = mkdtempSync(join(tmpdir(), "parquet-"));
afterAll(() => rmSync(folder, { recursive: true }));

const columns: Column[] = [
  { name: "title", type: "text" },
  { name: "_row_number", type: "integer" },
  { name: "_ingested_at", type: "timestamp" },
];
const loadedAt = new Date("2026-11-23T05:36:44.464Z");

async function written(name: string, rows: [string | null, bigint][]): Promise<Record<string, unknown>[]> {
  const path = join(folder, name);
  const file = createParquetFile(path, columns);
  for (const [title, number] of rows) await file.append([title, number, microseconds(loadedAt)]);
  await file.close();
  expect(file.rowCount).toBe(rows.length);
  const envelope = await ParquetEnvelopeReader.openFile(path);
  await envelope.readHeader();
  // The reader insists on the number 1 in the footer, and reads what a file of version 2 holds all the same.
  const reader = new ParquetReader({ ...(await envelope.readFooter()), version: 1 }, envelope);
  // Nor does it know dictionaries, with which the writer stores what repeats: the time of the load.
  const cursor = reader.getCursor([["title"], ["_row_number"]]);
  const read: Record<string, unknown>[] = [];
  for (let record = await cursor.next(); record; record = await cursor.next()) read.push(record);
  await reader.close();
  return read;
}

describe("bronze Parquet", () => {
  it("should give every text back as it arrived", async () => {
    const texts = [
      "Amélie",
      "",
      " spaced ",
      "9.0",
      "12345678901234567890",
      "千と千尋の神隠し",
      'a "quote"',
      "line\nbreak",
      "🎬",
    ];
    const read = await written(
      "texts.parquet",
      texts.map((text, index) => [text, BigInt(index + 1)]),
    );
    expect(read.map(({ title }) => title)).toEqual(texts);
    expect(read.map(({ _row_number }) => Number(_row_number))).toEqual(texts.map((_, index) => index + 1));
  });

  it("should tell null from the empty string", async () => {
    const read = await written("nulls.parquet", [
      [null, 1n],
      ["", 2n],
    ]);
    expect(read[0]?.title ?? null).toBeNull();
    expect(read[1]?.title).toBe("");
  });

  it("should keep order and count over several row groups", async () => {
    const rows = Array.from({ length: 120_001 }, (_, index): [string, bigint] => [
      `film ${index}`,
      BigInt(index),
    ]);
    const read = await written("groups.parquet", rows);
    expect(read).toHaveLength(rows.length);
    expect(read.at(-1)?.title).toBe("film 120000");
    expect(read.every(({ _row_number }, index) => Number(_row_number) === index)).toBe(true);
  });
});
