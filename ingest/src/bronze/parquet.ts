/** Bronze Parquet: every source column as text, lineage beside it, zstd; as statements for DuckDB. */
import type { Claim } from "../ledger.ts";
import { plainDialect, type RecordDialect } from "../read/record.ts";
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

/** A file's part of a record file that several files share in a COPY. */
export interface SharedRecords {
  path: string;
  claim: Claim;
  /** Added to the place of a record among those of all files, from 1: its number in its own file. */
  numberOffset: number;
}

/**
 * Writes the rows of several record files of one dialect to the Parquet file `target`. DuckDB reads them one after
 * the other, in their order; `checkNumbers` tells whether it did.
 */
export function copyRowsOfMany(
  files: readonly SharedRecords[],
  { dialect, columns, mark }: { dialect: RecordDialect; columns: readonly string[]; mark: string },
  target: string,
): string {
  const values = columns.map((name, index) => `c${index} AS ${identifier(name)}`);
  const source = readMany(
    files.map(({ path }) => path),
    { dialect, columnCount: Math.max(1, columns.length), lineBytes: maximumLineBytes.rows },
  );
  return copy(
    `SELECT ${[...values, "source_file AS _source_file", "number + number_offset AS _row_number"].join(", ")},
       batch_id AS _batch_id, claimed_at AS _ingested_at
     FROM (SELECT *, row_number() OVER () AS number FROM ${source}) JOIN ${describe(files)} ON record_file = path
     WHERE c0 IS DISTINCT FROM ${literal(mark)}`,
    target,
  );
}

/** Writes the rejects of several record files to the Parquet file `target`. */
export function copyRejectsOfMany(files: readonly SharedRecords[], source: string, target: string): string {
  const rejects = readMany(
    files.map(({ path }) => path),
    { dialect: plainDialect, columnCount: rejectValueCount, lineBytes: maximumLineBytes.rejects },
  );
  return copy(
    `SELECT ${literal(source)} AS source, batch_id, source_file, ${rejectValues}, claimed_at AS ingested_at
     FROM ${rejects} JOIN ${describe(files)} ON record_file = path`,
    target,
  );
}

const describe = (files: readonly SharedRecords[]) =>
  `(VALUES ${files
    .map(
      ({ path, claim, numberOffset }) =>
        `(${[path, claim.batchId, claim.sourceFile].map(literal).join(", ")}, ${timestamp(claim.claimedAt)}, ${numberOffset})`,
    )
    .join(", ")}) AS file (path, batch_id, source_file, claimed_at, number_offset)`;

/** Per batch of a Parquet file of rows: its id, how many rows it has, the least and the greatest of their numbers. */
export const countPerBatch = (file: string) =>
  `SELECT _batch_id, count(*)::VARCHAR, min(_row_number)::VARCHAR, max(_row_number)::VARCHAR
   FROM read_parquet(${literal(file)}) GROUP BY _batch_id`;

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
const rejectValues =
  "c0::BIGINT AS row_number, c1::BIGINT AS line_number, c2 AS reason, c3 AS raw, unhex(c4) AS raw_bytes";

/** Writes the rejects of a record file to the Parquet file `target`, in the order of `quarantineColumns`. */
export function copyRejects(records: RecordFile, claim: Claim, target: string): string {
  return copy(
    `SELECT ${literal(claim.source)} AS source, ${literal(claim.batchId)} AS batch_id,
       ${literal(claim.sourceFile)} AS source_file, ${rejectValues}, ${timestamp(claim.claimedAt)} AS ingested_at
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
  return readCsv(literal(path), { dialect, columnCount, lineBytes });
}

/** As `read`, with the path of each record's file in the column `record_file`. */
const readMany = (paths: readonly string[], reading: Reading) =>
  readCsv(`[${paths.map(literal).join(", ")}]`, reading, ", filename = 'record_file'");

interface Reading {
  dialect: RecordDialect;
  columnCount: number;
  lineBytes: number;
}

function readCsv(files: string, { dialect, columnCount, lineBytes }: Reading, more = ""): string {
  const { delimiter, quote, quoteEscape, lineBreak, nullText } = dialect;
  const columns = Array.from({ length: columnCount }, (_, index) => `'c${index}': 'VARCHAR'`).join(", ");
  return `read_csv(${files}, auto_detect = false, header = false, columns = {${columns}},
    delim = ${literal(delimiter)}, quote = ${literal(quote)}, escape = ${literal(quoteEscape)},
    new_line = '${JSON.stringify(lineBreak).slice(1, -1)}', nullstr = ${literal(nullText ?? "")},
    allow_quoted_nulls = false, hive_partitioning = false, compression = 'none',
    parallel = false, max_line_size = ${lineBytes}, buffer_size = ${lineBytes}${more})`;
}
