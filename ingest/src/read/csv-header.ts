/** The first record of a CSV file: which sign separates fields, and what the columns are called. */
import { inputError, type ReelhouseError } from "../errors.ts";
import { bronzeColumnNames, refuseTooManyColumns } from "./column-names.ts";
import { fieldsOf } from "./csv-fields.ts";
import { CsvScan, type LineBreak, type Signs, type Verdict } from "./csv-scan.ts";
import { type DialectOptions, knownDelimiters } from "./dialect.ts";
import { firstInvalidByte } from "./encoding.ts";
import type { SourceFile } from "./record.ts";

/** What the first record says about the others. */
export interface CsvHeader {
  readonly signs: Signs;
  /** As bronze spells them. */
  readonly columns: string[];
  readonly lineBreak: Exclude<LineBreak, "">;
  /** Behind the header; where the first record begins if there is none. */
  readonly end: number;
  /** Line breaks before `end`, inside the header and behind it. */
  readonly lineBreaks: number;
}

/** The first bytes of a file, from its first line that is not blank. */
export interface Head {
  readonly bytes: Buffer;
  /** `bytes[end]` is a line feed that is not part of the file. */
  readonly end: number;
  readonly start: number;
  readonly isLast: boolean;
  readonly lineNumber: number;
}

/** Undefined: the first record is not complete. Throws an `inputError` if it can be no header. */
export function readHeader(
  file: SourceFile,
  head: Head,
  options: DialectOptions,
  maximumLength: number,
): CsvHeader | undefined {
  const candidates = candidateSigns(options).map((signs) => scanned(head, signs));
  const isTooLong = head.end - head.start > maximumLength;
  const isUnfinished = candidates.some(({ verdict }) => verdict.startsWith("unfinished"));
  if (isUnfinished && !head.isLast && !isTooLong) return undefined;
  const { scan, signs, verdict } = clearest(candidates, options);
  if (verdict !== "good") throw badHeader(file, head, verdict);
  const names = options.columns ?? headerNames(file, head, scan, signs);
  refuseTooManyColumns(file.hostPath, names.length, head.lineNumber);
  const isData = options.header === false;
  return {
    signs,
    columns: bronzeColumnNames(names),
    lineBreak: scan.lineBreak || "\n",
    end: isData ? head.start : scan.end,
    lineBreaks: isData ? 0 : scan.innerLineBreaks + (scan.lineBreak ? 1 : 0),
  };
}

interface Candidate {
  readonly signs: Signs;
  readonly scan: CsvScan;
  readonly verdict: Verdict;
}

function candidateSigns({ delimiter, quote = '"', quoteEscape = quote }: DialectOptions): Signs[] {
  const code = (sign: string) => (sign === "" ? -1 : sign.charCodeAt(0));
  const delimiters = delimiter === undefined ? knownDelimiters : [delimiter];
  return delimiters.map((sign) => ({
    delimiter: code(sign),
    quote: code(quote),
    quoteEscape: code(quoteEscape),
  }));
}

function scanned({ bytes, start, end, isLast }: Head, signs: Signs): Candidate {
  const scan = new CsvScan(signs);
  return { signs, scan, verdict: scan.scan(bytes, start, end, isLast, Number.POSITIVE_INFINITY) };
}

/** The only candidate that splits the record, or that splits it into the declared columns; else the first one. */
function clearest(candidates: Candidate[], { columns }: DialectOptions): Candidate {
  const isFit = ({ verdict, scan }: Candidate) =>
    verdict === "good" && (columns ? scan.fieldCount === columns.length : scan.fieldCount > 1);
  const fitting = candidates.filter(isFit);
  const [first] = fitting.length === 1 ? fitting : candidates;
  if (first === undefined) throw new Error("no delimiter to try");
  return first;
}

function headerNames(file: SourceFile, head: Head, scan: CsvScan, signs: Signs): string[] {
  const record = head.bytes.subarray(head.start, scan.bodyEnd);
  refuseNoText(file, head, record);
  const names = fieldsOf(record, signs);
  const line = head.lineNumber;
  if (names.every((name) => name.trim() === "")) throw headerError(file, "header without a name", line);
  const [first = ""] = names;
  if (/^\s*<[!?a-z]/i.test(first)) throw headerError(file, "HTML or XML in the place of the header", line);
  if (/^\s*(\{|\[\s*(\{|$))/.test(first)) throw headerError(file, "JSON in the place of the header", line);
  return names;
}

function refuseNoText(file: SourceFile, { start, lineNumber }: Head, record: Buffer): void {
  const invalid = firstInvalidByte(record);
  if (invalid < 0) return;
  const byte = record.readUInt8(invalid);
  const place = `byte 0x${byte.toString(16).padStart(2, "0")} at offset ${start + invalid}`;
  const fault = { file: file.hostPath, line: lineNumber };
  if (byte === 0)
    throw inputError(`binary data, ${place}`, {
      ...fault,
      expected: "text without NUL bytes",
      next: "if it is UTF-16, say so in pipeline.yaml: encoding: utf-16",
    });
  throw inputError(`not UTF-8, ${place}`, {
    ...fault,
    expected: "UTF-8 text",
    next: "say in pipeline.yaml what it is, for example encoding: windows-1252",
  });
}

function badHeader(file: SourceFile, { lineNumber }: Head, verdict: Verdict): ReelhouseError {
  const reasons: Partial<Record<Verdict, string>> = {
    unfinished: "record too long",
    unfinished_quote: "unclosed quote",
  };
  const reason = reasons[verdict] ?? verdict.replaceAll("_", " ");
  return headerError(file, `header is no record, ${reason}`, lineNumber);
}

export function headerError(file: SourceFile, message: string, line = 1): ReelhouseError {
  return inputError(message, {
    file: file.hostPath,
    line,
    expected: "a first line with the column names, separated by one sign",
    next: "add the header to the file, or say header: false and columns in pipeline.yaml; if it is JSON, say format: json",
  });
}
