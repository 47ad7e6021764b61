/** What a user may say about the form of a source's files; all of it is optional. */
export const encodings = ["utf-8", "utf-16", "latin-1", "windows-1252"] as const;
export type Encoding = (typeof encodings)[number];

export interface DialectOptions {
  /** Between the fields of CSV, one ASCII character; found out from the header where it is not said. */
  readonly delimiter?: string;
  /** Around a field that holds delimiters, quotes or line breaks; "" if nothing is quoted. `"` unless told. */
  readonly quote?: string;
  /** Before a quote inside quotes; the quote itself unless told. */
  readonly quoteEscape?: string;
  /** False: the first record is data, and `columns` names the columns. */
  readonly header?: boolean;
  readonly columns?: readonly string[];
  /** Of a text without byte order mark; UTF-8 unless told. */
  readonly encoding?: Encoding;
  /** The name of an Excel sheet; the first one unless told. */
  readonly sheet?: string;
  /** How many times its compressed size a file may have, 200 unless told; the first GB is always allowed. */
  readonly maximumExpansion?: number;
}

/** The delimiters that are found out without being declared; the first one if the header does not tell. */
export const knownDelimiters = [",", ";", "\t", "|"] as const;
