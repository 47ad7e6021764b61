/** Bronze: the records of a file, every value as the text that arrived. */
import { columnsOf, type SourceName, sources } from "./sources.ts";

declare global {
  // TypeScript's own library does not know these yet; Node 24 has them.
  interface JSON {
    rawJSON(text: string): object;
    isRawJSON(value: unknown): boolean;
  }
}

/** Text by column; null is JSON's null or a key that is not there (a blank CSV field is ""). */
export type TextValues = Record<string, string | null>;

/** One entry per record of the file, in its order; null is a record that is no row (quarantine). */
export type FileRecords = (TextValues | null)[];

/** Throws where the pipeline refuses the whole file: unreadable JSON, no array, a missing required column. */
export function readRecords(source: SourceName, text: string): FileRecords {
  const withoutByteOrderMark = text.replace(/^\uFEFF/, "");
  return sources[source].format === "csv"
    ? readCsv(withoutByteOrderMark, columnsOf(source))
    : readJson(withoutByteOrderMark, columnsOf(source));
}

function readCsv(text: string, columns: string[]): FileRecords {
  const [header, ...records] = splitCsv(text);
  const missing = columns.filter((column) => !header?.includes(column));
  if (!header || missing.length > 0) throw new Error(`read csv: missing columns ${missing}`);
  return records.map((fields) => {
    if (fields?.length !== header.length) return null;
    return Object.fromEntries(columns.map((column) => [column, fields[header.indexOf(column)] ?? null]));
  });
}

/**
 * RFC 4180; a quote inside an unquoted field is an ordinary character, an empty line is no record. Text after a
 * closing quote and a quote that never closes are broken quoting: the line on which that record begins is one
 * record, null, and the next line starts afresh.
 */
function splitCsv(text: string): (string[] | null)[] {
  const records: (string[] | null)[] = [];
  const field = /(?:"((?:[^"]|"")*)"|((?!")[^,\r\n]*))(,|\r?\n|$)/y;
  let start = 0;
  while (start < text.length) {
    field.lastIndex = start;
    let fields: string[] | null = [];
    let separator = ",";
    while (fields && separator === ",") {
      const match = field.exec(text);
      if (match) fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
      else fields = null;
      separator = match?.[3] ?? "";
    }
    const isBlank = fields?.length === 1 && field.lastIndex === start + separator.length;
    if (!isBlank) records.push(fields);
    start = fields ? field.lastIndex : endOfLine(text, start);
  }
  return records;
}

function endOfLine(text: string, start: number): number {
  const lineFeed = text.indexOf("\n", start);
  return lineFeed === -1 ? text.length : lineFeed + 1;
}

function readJson(text: string, columns: string[]): FileRecords {
  const elements: unknown = JSON.parse(text, keepNumberSpelling);
  if (!Array.isArray(elements)) throw new Error("read json: no array of objects");
  return elements.map((element) => {
    if (!isObject(element)) return null;
    return Object.fromEntries(columns.map((column) => [column, jsonText(element[column])]));
  });
}

/** `9.0` stays `9.0` and a 20-digit integer keeps its digits: the number is kept as its own source text. */
function keepNumberSpelling(_key: string, value: unknown, context?: { source: string }): unknown {
  return typeof value === "number" && context ? JSON.rawJSON(context.source) : value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}

/** A string is its own text, a missing key or null is null, anything else is its JSON text. */
function jsonText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}
