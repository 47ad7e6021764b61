import { inputError, type ReelhouseError } from "../errors.ts";
import { bronzeColumnNames, refuseTooManyColumns } from "./column-names.ts";
import { CsvParser } from "./csv-parser.ts";
import { changedWhileRead } from "./open.ts";
import {
  defaultMaximumRecordLength,
  type Format,
  isReject,
  type ReadOptions,
  type Reject,
  type Row,
  type SourceFile,
} from "./record.ts";
import { textChunks } from "./text.ts";

/**
 * CSV as RFC 4180 has it, with comma and header; line breaks LF, CRLF, CR and mixtures; blank lines are
 * skipped. Values are the text between the commas, a blank one is "".
 */
export const csv: Format = { columns, records };

async function columns(file: SourceFile, options: ReadOptions = {}): Promise<string[]> {
  for await (const { header } of parsedChunks(file, options)) if (header) return columnNames(file, header);
  throw headerError(file, "no header");
}

async function* records(
  file: SourceFile,
  columns: readonly string[],
  options: ReadOptions = {},
): AsyncGenerator<(Row | Reject)[]> {
  let known: readonly string[] | undefined;
  for await (const { header, found } of parsedChunks(file, options)) {
    if (header !== known) refuseOtherHeader(file, header, columns);
    known = header;
    if (found.length > 0) yield found;
  }
  if (known === undefined) refuseOtherHeader(file, known, columns);
}

function refuseOtherHeader(
  file: SourceFile,
  header: readonly string[] = [],
  columns: readonly string[],
): void {
  const isSame = bronzeColumnNames(header).join("\n") === columns.join("\n");
  if (!isSame) throw changedWhileRead(file, "another header");
}

/** What each chunk completes; the header is there from the chunk on that completes it. */
async function* parsedChunks(file: SourceFile, options: ReadOptions) {
  const parser = new CsvParser(options.maximumRecordLength ?? defaultMaximumRecordLength);
  const parse = (text: string, isLast: boolean) => {
    const found = parser.push(text, isLast);
    const [first] = found;
    if (parser.header === undefined && first && isReject(first)) {
      throw headerError(file, `header is no record, ${first.reason.replaceAll("_", " ")}`, first.lineNumber);
    }
    return { header: parser.header, found };
  };
  for await (const text of textChunks(file, options.chunkBytes)) yield parse(text, false);
  yield parse("", true);
}

function columnNames(file: SourceFile, header: readonly string[]): string[] {
  refuseTooManyColumns(file.hostPath, header.length, 1);
  if (header.every((name) => name.trim() === "")) throw headerError(file, "header without a name");
  const [first = ""] = header;
  if (/^\s*<[!?a-z]/i.test(first)) throw headerError(file, "HTML or XML in the place of the header");
  if (/^\s*(\{|\[\s*(\{|$))/.test(first)) throw headerError(file, "JSON in the place of the header");
  return bronzeColumnNames(header);
}

function headerError(file: SourceFile, message: string, line = 1): ReelhouseError {
  return inputError(message, {
    file: file.hostPath,
    line,
    expected: "a first line with the column names, separated by commas",
    next: "add the header to the file; if the file is JSON, say so in pipeline.yaml: format: json",
  });
}
