import type { DialectOptions } from "./dialect.ts";

/** A file to read: where this process opens it, and how the user knows it (messages, lineage). */
export interface SourceFile {
  readonly path: string;
  readonly hostPath: string;
}

export type RejectReason =
  | "too_few_fields"
  | "too_many_fields"
  | "broken_quoting"
  | "unclosed_quote"
  | "record_too_long"
  | "invalid_encoding"
  | "not_an_object"
  | "invalid_json"
  | "duplicate_key"
  | "invalid_unicode";

/** A record that is no row. */
export interface Reject {
  /** 1-based physical line on which the record begins; a line ends with LF, CRLF or CR. */
  readonly lineNumber: number;
  readonly reason: RejectReason;
  /** The record's text as it stands in the file, cut only if `record_too_long`. */
  readonly raw: string;
  /** Its bytes in the file; null if `raw` says it all. */
  readonly rawBytes: Buffer | null;
}

/** How the bytes given to a `RecordSink` are to be read: its signs are single ASCII characters. */
export interface RecordDialect {
  readonly delimiter: string;
  /** "": nothing is quoted. */
  readonly quote: string;
  readonly quoteEscape: string;
  readonly lineBreak: "\n" | "\r\n" | "\r";
  /** What stands, without quotes, for null; undefined: there is no null. */
  readonly nullText?: string | undefined;
}

/** For records that are written from values: with quotes around each of them but null. */
export const plainDialect: RecordDialect = {
  delimiter: ",",
  quote: '"',
  quoteEscape: '"',
  lineBreak: "\n",
  nullText: "\\N",
};

/**
 * Takes the records of one file, in the file's order, and numbers them from 1: rows and rejects, not the header
 * nor blank lines. It copies what it is given before it returns.
 */
export interface RecordSink {
  /** Called before `rows`, once: until then records are in the plain dialect. */
  begin(dialect: RecordDialect): void;
  /** `count` rows as they stand between `start` and `end`, valid UTF-8 without NUL, each with its line break. */
  rows(bytes: Buffer, start: number, end: number, count: number): void;
  /** One row by its values, aligned to the file's columns. Null: JSON null or a missing key. */
  row(values: readonly (string | null)[]): void;
  reject(reject: Reject): void;
  /** How many bytes `rows` may take at once; more only if they are one row. */
  readonly room: number;
  /** Resolves when more may come: to be awaited after each chunk of the file, so that nothing piles up. */
  drained(): Promise<void>;
}

export interface ReadOptions extends DialectOptions {
  /** Bytes per read, 1 MiB unless told; what comes out does not depend on it. */
  readonly chunkBytes?: number;
  /** Hears how far the file is read, in bytes as they lie on the disk; Parquet tells the share of its rows. */
  readonly onBytes?: (bytesRead: number) => void;
  /** A longer record is no row; in bytes of UTF-8, 1 MiB unless told. */
  readonly maximumRecordLength?: number;
}

export const defaultMaximumRecordLength = 1_048_576;

/** A file format: a new one is a module that exports such an object and a line in `formats.ts`. */
export interface Format {
  /** Whether `columns` reads the whole file, as the names are not at its beginning. */
  readonly isReadTwice: boolean;
  /**
   * Called once per file, before anything of it is written, to check it and to prepare the table: the
   * file's column names, in order of first appearance, as bronze spells them (`bronzeColumnNames`).
   * Throws an `inputError` if the file as a whole is not of this format.
   */
  columns(file: SourceFile, options?: ReadOptions): Promise<string[]>;
  /**
   * Called once per file with the names that `columns` returned: gives all records to `sink`. Memory is bounded
   * by one chunk and one record. May throw an `inputError` at any time, so nothing counts before the end.
   */
  records(
    file: SourceFile,
    columns: readonly string[],
    sink: RecordSink,
    options?: ReadOptions,
  ): Promise<void>;
}
