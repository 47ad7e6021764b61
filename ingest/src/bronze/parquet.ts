/** Bronze Parquet: every source column as text, lineage beside it, zstd; as statements for DuckDB. */
import type { Claim } from "../ledger.ts";
import { identifier, literal } from "../sql.ts";
import type { RecordFile } from "./record-file.ts";

export type ColumnType = "text" | "bytes" | "integer" | "timestamp";
export interface Column {
  name: string;
  type: ColumnType;
}

/** Trino's name of each type, for CREATE TABLE. */
export const trinoType: Record<ColumnType, string> = {
  text: "varchar",
  bytes: "varbinary",
  integer: "bigint",
  timestamp: "timestamp(6) with time zone",
};

/** A record file of rows: which of them they are, and what a record that is to be left out begins with. */
export interface RowsFile {
  records: RecordFile;
  columns: readonly string[];
  /** The number of the record before the file's first one. */
  recordsBefore: number;
  /** The first value of a record that is no row: it stands for a rejected one, so that the others are numbered right. */
  mark: string;
}

/** Writes the rows of a record file to the Parquet file `target`. */
export function copyRows(
  { records, columns, recordsBefore, mark }: RowsFile,
  claim: Claim,
  target: string,
): string {
  const values = columns.map((name, index) => `c${index} AS ${identifier(name)}`);
  return copy(
    `SELECT ${[...values, ...lineage(claim, `number + ${recordsBefore}`)].join(", ")}
     FROM (SELECT *, row_number() OVER () AS number FROM ${read(records, Math.max(1, columns.length), maximumLineBytes.rows)})
     WHERE c0 IS DISTINCT FROM ${literal(mark)}`,
    target,
  );
}

/** Writes the rows of several Parquet files, in their order, to one. A column that a file lacks is null. */
export function mergeParquet(files: readonly string[], target: string): string {
  return copy(`SELECT * FROM read_parquet([${files.map(literal).join(", ")}], union_by_name = true)`, target);
}

/** The first rows of a record file. */
export function selectRows({ records, columns, mark }: RowsFile, rowLimit: number): string {
  return `SELECT * FROM ${read(records, Math.max(1, columns.length), maximumLineBytes.rows)}
    WHERE c0 IS DISTINCT FROM ${literal(mark)} LIMIT ${rowLimit}`;
}

/** In the order of `lineageColumns`. */
const lineage = (claim: Claim, rowNumber: string) => [
  `${constant(claim.sourceFile)} AS _source_file`,
  `${rowNumber} AS _row_number`,
  `${constant(claim.batchId)} AS _batch_id`,
  `${timestamp(claim.claimedAt)} AS _ingested_at`,
];

/** A text that is the same in each row. As an enumeration DuckDB need not hash it for each of them; the file is the same. */
const constant = (text: string) => `${literal(text)}::ENUM(${literal(text)})`;

/** Values of a reject in its record file, bytes as hex: row number, line number, reason, raw, raw bytes. */
const rejectValueCount = 5;

/** Writes the rejects of a record file to the Parquet file `target`, in the order of `quarantineColumns`. */
export function copyRejects(records: RecordFile, claim: Claim, target: string): string {
  return copy(
    `SELECT ${literal(claim.source)} AS source, ${literal(claim.batchId)} AS batch_id,
       ${literal(claim.sourceFile)} AS source_file, c0::BIGINT AS row_number, c1::BIGINT AS line_number,
       c2 AS reason, c3 AS raw, unhex(c4) AS raw_bytes, ${timestamp(claim.claimedAt)} AS ingested_at
     FROM ${read(records, rejectValueCount, maximumLineBytes.rejects)}`,
    target,
  );
}

/** Bounds what DuckDB holds in memory; a multiple of its 2,048. */
const rowGroupRows = 49_152;

const copy = (query: string, target: string) =>
  `COPY (${query}) TO ${literal(target)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE ${rowGroupRows})`;

const timestamp = (time: Date) => `TIMESTAMPTZ ${literal(time.toISOString())}`;

/** Long enough for the longest record: each of its quotes doubled, or its invalid bytes replaced and as hex beside. */
const maximumLineBytes = { rows: 2_621_440, rejects: 8_388_608 };

/**
 * Everything is said and nothing found out: the file is ours, and each way to guess has lost rows. Only `strict_mode`
 * is not said: it is the default, but said it makes DuckDB 1.5 see one field too many before a final CRLF. `parallel`
 * would have DuckDB look for line breaks from the middle of the file, where it may give up at those inside quotes.
 */
function read({ path, dialect }: RecordFile, columnCount: number, lineBytes: number): string {
  const { delimiter, quote, quoteEscape, lineBreak, nullText } = dialect;
  const columns = Array.from({ length: columnCount }, (_, index) => `'c${index}': 'VARCHAR'`).join(", ");
  return `read_csv(${literal(path)}, auto_detect = false, header = false, columns = {${columns}},
    delim = ${literal(delimiter)}, quote = ${literal(quote)}, escape = ${literal(quoteEscape)},
    new_line = '${JSON.stringify(lineBreak).slice(1, -1)}', nullstr = ${literal(nullText ?? "")},
    allow_quoted_nulls = false, hive_partitioning = false, compression = 'none',
    parallel = false, max_line_size = ${lineBytes}, buffer_size = ${lineBytes})`;
}
