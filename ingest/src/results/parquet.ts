/** Results as Parquet with the types of their columns, zstd; nested values are their JSON text. */
import { constants, zstdCompressSync } from "node:zlib";
import type { SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { Cell } from "../trino.ts";
import { type ColumnType, type Kind, ofKind, type PerKind } from "./column-type.ts";
import { inParts, type Pages } from "./format.ts";
import { type TypedColumn, typedColumns, type Value } from "./value.ts";

type Element = Omit<SchemaElement, "name">;

const zstdLevel = 3;
/** The most digits that 64 bits hold. */
const shortDecimalDigits = 18;

/** One row group per part, which bounds memory. */
export async function* parquetFile(pages: Pages): AsyncGenerator<Uint8Array> {
  const buffer = new ByteWriter();
  let columns: TypedColumn[] = [];
  let writer: ParquetWriter | undefined;
  for await (const part of inParts(pages)) {
    if (!writer) {
      columns = typedColumns(part.columns, flatType);
      writer = parquetWriter(buffer, columns);
    }
    if (part.rows.length > 0) {
      await writer.write({ columnData: columnData(columns, part.rows), rowGroupSize: part.rows.length });
    }
    yield taken(buffer);
  }
  await writer?.finish();
  yield taken(buffer);
}

/** What was written since the last time; the writer keeps counting from the start of the file. */
function taken(buffer: ByteWriter): Uint8Array {
  const bytes = buffer.getBytes().slice();
  buffer.index = 0;
  return bytes;
}

function parquetWriter(buffer: ByteWriter, columns: TypedColumn[]): ParquetWriter {
  const compress = (bytes: Uint8Array) =>
    zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: zstdLevel } });
  return new ParquetWriter({
    writer: buffer,
    schema: [
      { name: "root", num_children: columns.length },
      ...columns.map(({ name, type }) => ({
        name,
        repetition_type: "OPTIONAL" as const,
        ...ofKind(elements, type)(type),
      })),
    ],
    codec: "ZSTD",
    compressors: { ZSTD: compress },
    createdBy: "reelhouse",
  });
}

const columnData = (columns: TypedColumn[], rows: Cell[][]) =>
  columns.map(({ name, type, read }, index) => ({
    name,
    data: rows.map((row) => physical(type, read(row[index] ?? null))),
  }));

function flatType(type: ColumnType): ColumnType {
  return ["list", "struct", "map", "nothing"].includes(type.kind) ? { kind: "text" } : type;
}

/** Parquet counts no seconds, and all readers know microseconds best. */
const isNanos = (digits: number) => digits > 6;

function physical(type: ColumnType, value: Value): Value {
  if (value === null || (type.kind !== "time" && type.kind !== "timestamp")) return value;
  const count = BigInt(value as number | bigint);
  return isNanos(type.digits) ? count : count * BigInt(10 ** (6 - type.digits));
}

const text: Element = { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } };
const asText = () => text;

const elements: PerKind<[], Element> = {
  nothing: asText,
  boolean: () => ({ type: "BOOLEAN" }),
  // No logical type: hyparquet-writer 0.17.0 writes its width as 32 bits, and readers refuse the file.
  integer: ({ bits }) => ({ type: bits === 64 ? "INT64" : "INT32", converted_type: `INT_${bits}` }),
  float: ({ bits }) => ({ type: bits === 32 ? "FLOAT" : "DOUBLE" }),
  decimal: decimalElement,
  date: () => ({ type: "INT32", converted_type: "DATE", logical_type: { type: "DATE" } }),
  time: ({ digits }) => momentElement("TIME", digits, false),
  timestamp: ({ digits, isUtc }) => momentElement("TIMESTAMP", digits, isUtc),
  binary: () => ({ type: "BYTE_ARRAY" }),
  text: asText,
  list: asText,
  struct: asText,
  map: asText,
};

function decimalElement({ precision, scale }: Kind<"decimal">): Element {
  const logical_type = { type: "DECIMAL", precision, scale } as const;
  const shared = { converted_type: "DECIMAL", precision, scale, logical_type } as const;
  if (precision <= shortDecimalDigits) return { type: "INT64", ...shared };
  return { type: "FIXED_LEN_BYTE_ARRAY", type_length: 16, ...shared };
}

function momentElement(type: "TIME" | "TIMESTAMP", digits: number, isAdjustedToUTC: boolean): Element {
  const unit = isNanos(digits) ? "NANOS" : "MICROS";
  return { type: "INT64", logical_type: { type, isAdjustedToUTC, unit } };
}
