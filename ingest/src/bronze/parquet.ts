/** Bronze Parquet: every source column as text, lineage beside it, zstd. */
import { constants, zstdCompressSync } from "node:zlib";
import type { SchemaElement } from "hyparquet";
import { fileWriter, ParquetWriter } from "hyparquet-writer";

export type ColumnType = "text" | "integer" | "timestamp";
export interface Column {
  name: string;
  type: ColumnType;
}
type Value = string | bigint | null;

/** Trino's name of each type, for CREATE TABLE. */
export const trinoType: Record<ColumnType, string> = {
  text: "varchar",
  integer: "bigint",
  timestamp: "timestamp(6) with time zone",
};

const schemaElement: Record<ColumnType, Omit<SchemaElement, "name">> = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  integer: { type: "INT64" },
  timestamp: {
    type: "INT64",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
  },
};

/** Whichever comes first ends a row group; both together bound what is held in memory. */
const rowGroupRows = 50_000;
const rowGroupCharacters = 32_000_000;
const zstdLevel = 3;

export interface ParquetFile {
  /** Values in the order of the columns; a timestamp is microseconds since 1970 in UTC. */
  append(values: Value[]): Promise<void>;
  close(): Promise<void>;
  readonly rowCount: number;
}

/** Writes rows to `file` as they come. Memory is bounded by one row group. */
export function createParquetFile(file: string, columns: Column[]): ParquetFile {
  const writer = new ParquetWriter({
    writer: fileWriter(file),
    schema: [
      { name: "root", num_children: columns.length },
      ...columns.map(({ name, type }) => ({
        name,
        repetition_type: "OPTIONAL" as const,
        ...schemaElement[type],
      })),
    ],
    codec: "ZSTD",
    compressors: { ZSTD: compress },
    createdBy: "reelhouse",
  });
  let group: Value[][] = columns.map(() => []);
  let rowCount = 0;
  let characters = 0;
  const flush = async () => {
    if (group[0]?.length === 0) return;
    await writer.write({
      columnData: columns.map(({ name }, index) => ({ name, data: group[index] ?? [] })),
      rowGroupSize: rowGroupRows,
    });
    group = columns.map(() => []);
    characters = 0;
  };
  return {
    get rowCount() {
      return rowCount;
    },
    async append(values) {
      for (let index = 0; index < columns.length; index += 1) {
        const value = values[index] ?? null;
        group[index]?.push(value);
        if (typeof value === "string") characters += value.length;
      }
      rowCount += 1;
      if (group[0]?.length === rowGroupRows || characters >= rowGroupCharacters) await flush();
    },
    async close() {
      await flush();
      await writer.finish();
    },
  };
}

function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: zstdLevel } });
}

export const microseconds = (time: Date): bigint => BigInt(time.getTime()) * 1000n;
