/** Results as Parquet, read by two libraries: one tells types and raw values, the other shares no code with it. */
import { createRequire } from "node:module";
import { zstdDecompressSync } from "node:zlib";
import { type FileMetaData, parquetMetadata, parquetReadObjects, type SchemaElement } from "hyparquet";
import { describe, expect, it } from "vitest";
import { exportFormats } from "../../ingest/src/results/formats.ts";
import type { Cell, Table } from "../../ingest/src/trino.ts";
import { bytesOf, resultPages } from "../fixtures/results.ts";

const require = createRequire(import.meta.url);
// parquetjs-lite knows no zstd, but asks this table for what it does not know.
const { PARQUET_COMPRESSION_METHODS } = require("parquetjs-lite/lib/compression");
PARQUET_COMPRESSION_METHODS.ZSTD = { inflate: (bytes: Buffer) => zstdDecompressSync(bytes) };
const { ParquetReader, ParquetEnvelopeReader } = require("parquetjs-lite");

const written = (columns: Table["columns"], ...pages: Cell[][][]) =>
  bytesOf(exportFormats.parquet.encode(resultPages(columns, ...pages)));

const fileOf = (bytes: Buffer): ArrayBuffer =>
  bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;

/** The values as they are stored, whatever they mean. */
async function storedValues(file: ArrayBuffer, metadata: FileMetaData): Promise<unknown[]> {
  const isText = metadata.schema[1]?.converted_type === "UTF8";
  for (const element of isText ? [] : metadata.schema) {
    delete element.converted_type;
    delete element.logical_type;
  }
  const compressors = { ZSTD: (bytes: Uint8Array) => zstdDecompressSync(bytes) };
  const rows = await parquetReadObjects({ file, metadata, compressors, utf8: isText });
  return rows.map(({ a }) => a);
}

const micros = (type: "TIME" | "TIMESTAMP", isAdjustedToUTC: boolean) => ({
  type: "INT64",
  logical_type: { type, isAdjustedToUTC, unit: "MICROS" },
});
const text = { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } };

const cases: { type: string; cell: Cell; element: Partial<SchemaElement>; value: unknown }[] = [
  { type: "boolean", cell: true, element: { type: "BOOLEAN" }, value: true },
  { type: "tinyint", cell: -128, element: { type: "INT32", converted_type: "INT_8" }, value: -128 },
  { type: "smallint", cell: -5, element: { type: "INT32", converted_type: "INT_16" }, value: -5 },
  { type: "integer", cell: 7, element: { type: "INT32", converted_type: "INT_32" }, value: 7 },
  {
    type: "bigint",
    cell: -9223372036854775808n,
    element: { type: "INT64", converted_type: "INT_64" },
    value: -9223372036854775808n,
  },
  { type: "real", cell: 0.5, element: { type: "FLOAT" }, value: 0.5 },
  { type: "double", cell: "NaN", element: { type: "DOUBLE" }, value: Number.NaN },
  {
    type: "decimal(18,2)",
    cell: "-9999999999999999.99",
    element: { type: "INT64", converted_type: "DECIMAL", precision: 18, scale: 2 },
    value: -999999999999999999n,
  },
  {
    type: "decimal(38, 3)",
    cell: "-0.002",
    element: {
      type: "FIXED_LEN_BYTE_ARRAY",
      type_length: 16,
      converted_type: "DECIMAL",
      precision: 38,
      scale: 3,
    },
    value: new Uint8Array(16).fill(255).with(15, 254),
  },
  { type: "date", cell: "1969-12-31", element: { type: "INT32", converted_type: "DATE" }, value: -1 },
  { type: "time(0)", cell: "00:00:01", element: micros("TIME", false), value: 1_000_000n },
  {
    type: "timestamp(3)",
    cell: "1969-12-31 23:59:59.999",
    element: micros("TIMESTAMP", false),
    value: -1000n,
  },
  {
    type: "timestamp(6) with time zone",
    cell: "1969-12-31 23:59:59.999999 UTC",
    element: micros("TIMESTAMP", true),
    value: -1n,
  },
  {
    type: "timestamp(9)",
    cell: "1970-01-01 00:00:00.000000001",
    element: { type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC: false, unit: "NANOS" } },
    value: 1n,
  },
  { type: "varbinary", cell: "AAH/", element: { type: "BYTE_ARRAY" }, value: Uint8Array.of(0, 1, 255) },
  { type: "varchar", cell: "千と 🎬", element: text, value: "千と 🎬" },
  { type: "array(bigint)", cell: [1, 2n ** 60n], element: text, value: "[1,1152921504606846976]" },
  { type: "map(varchar, bigint)", cell: { a: 1 }, element: text, value: '{"a":1}' },
  { type: "uuid", cell: "12151fd2-7586", element: text, value: "12151fd2-7586" },
  { type: "unknown", cell: null, element: text, value: null },
] as typeof cases;

describe("each type", () => {
  it.each(cases)("should be exact: $type $cell", async ({ type, cell, element, value }) => {
    const file = fileOf(await written([{ name: "a", type }], [[cell], [null], [cell]]));
    const metadata = parquetMetadata(file);
    expect(metadata.schema[1]).toMatchObject({ name: "a", repetition_type: "OPTIONAL", ...element });
    expect(metadata.row_groups[0]?.columns[0]?.meta_data?.codec).toBe("ZSTD");
    expect(await storedValues(file, metadata)).toEqual([value, null, value]);
  });
});

describe("a file", () => {
  const columns = [
    { name: "title", type: "varchar" },
    { name: "gross", type: "bigint" },
    { name: "score", type: "double" },
  ];

  it("should have its columns without a row", async () => {
    const { schema, num_rows } = parquetMetadata(fileOf(await written(columns)));
    expect(schema.slice(1).map(({ name }) => name)).toEqual(["title", "gross", "score"]);
    expect(num_rows).toBe(0n);
  });

  it("should keep the order of pages, and nulls apart from empty text, for another library", async () => {
    const rows: Cell[][] = [
      ["", 9007199254740993n, 0.1],
      [null, -1, null],
      ["Amélie", null, 9.5],
    ];
    const envelope = await ParquetEnvelopeReader.openBuffer(
      await written(columns, rows.slice(0, 1), rows.slice(1)),
    );
    await envelope.readHeader();
    // The reader insists on the number 1 in the footer, and reads what a file of version 2 holds all the same.
    const cursor = new ParquetReader({ ...(await envelope.readFooter()), version: 1 }, envelope).getCursor();
    const read: unknown[][] = [];
    for (let row = await cursor.next(); row; row = await cursor.next()) {
      read.push([row.title ?? null, row.gross === undefined ? null : BigInt(row.gross), row.score ?? null]);
    }
    expect(read).toEqual(
      rows.map(([title, gross, score]) => [title, gross === null ? null : BigInt(`${gross}`), score]),
    );
  });

  it("should be cut into row groups by rows", async () => {
    const rows = Array.from({ length: 50_001 }, (_, index): Cell[] => [`film ${index}`, index, null]);
    const file = fileOf(await written(columns, rows));
    const metadata = parquetMetadata(file);
    expect(metadata.row_groups.map(({ num_rows }) => num_rows)).toEqual([50_000n, 1n]);
    const compressors = { ZSTD: (bytes: Uint8Array) => zstdDecompressSync(bytes) };
    const read = await parquetReadObjects({ file, metadata, compressors });
    expect(read.every(({ gross }, index) => gross === BigInt(index))).toBe(true);
    expect(read.at(-1)).toEqual({ title: "film 50000", gross: 50_000n, score: null });
  });
});
