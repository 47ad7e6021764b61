/** A file to read: where this process opens it, and how the user knows it (messages, lineage). */
export interface SourceFile {
  readonly path: string;
  readonly hostPath: string;
}

/** One good record, its values aligned to the columns of its file. Null: JSON null or a missing key. */
export interface Row {
  /** 1-based number of the record in its file; a CSV header and blank lines do not count, rejects do. */
  readonly rowNumber: number;
  /** 1-based physical line on which the record begins; a line ends with LF, CRLF or CR. */
  readonly lineNumber: number;
  readonly values: readonly (string | null)[];
}

export type RejectReason =
  | "too_few_fields"
  | "too_many_fields"
  | "broken_quoting"
  | "unclosed_quote"
  | "record_too_long"
  | "not_an_object"
  | "invalid_json"
  | "duplicate_key"
  | "invalid_unicode";

/** A record that is no row. `raw` is its text as it stands in the file, cut only if `record_too_long`. */
export interface Reject {
  readonly rowNumber: number;
  readonly lineNumber: number;
  readonly reason: RejectReason;
  readonly raw: string;
}

export function isReject(record: Row | Reject): record is Reject {
  return "reason" in record;
}

export interface ReadOptions {
  /** Bytes per read, 65,536 unless told; what comes out does not depend on it. */
  readonly chunkBytes?: number;
  /** A longer record is no row; in UTF-16 units, 1,048,576 unless told. */
  readonly maximumRecordLength?: number;
}

export const defaultMaximumRecordLength = 1_048_576;

/** A file format: a new one is a module that exports such an object and a line in `formats.ts`. */
export interface Format {
  /**
   * Called once per file, before anything of it is written, to check it and to prepare the table: the
   * file's column names, in order of first appearance, as bronze spells them (`bronzeColumnNames`).
   * Throws an `inputError` if the file as a whole is not of this format.
   */
  columns(file: SourceFile, options?: ReadOptions): Promise<string[]>;
  /**
   * Called once per file with the names that `columns` returned: all records in the file's order, in
   * arrays of what one chunk completes. Memory is bounded by one chunk and one record.
   * May throw an `inputError` after the last array, so nothing counts before the end.
   */
  records(
    file: SourceFile,
    columns: readonly string[],
    options?: ReadOptions,
  ): AsyncGenerator<(Row | Reject)[]>;
}
