import { type CsvHeader, headerError, readHeader } from "./csv-header.ts";
import { CsvRecords } from "./csv-records.ts";
import { changedWhileRead } from "./open.ts";
import {
  defaultMaximumRecordLength,
  type Format,
  type ReadOptions,
  type RecordSink,
  type SourceFile,
} from "./record.ts";
import { readText, type TextReader } from "./text.ts";
import { TextWindow } from "./text-window.ts";

/**
 * CSV as RFC 4180 has it, with any sign as delimiter, quote and escape; line breaks LF, CRLF, CR and mixtures;
 * blank lines are skipped. Values are the text between the delimiters, a blank one is "".
 */
export const csv: Format = { isReadTwice: false, columns, records };

/** Tab-separated values: CSV whose delimiter need not be found out. */
export const tsv: Format = {
  isReadTwice: false,
  columns: (file, options) => columns(file, { delimiter: "\t", ...options }),
  records: (file, names, sink, options) => records(file, names, sink, { delimiter: "\t", ...options }),
};

async function columns(file: SourceFile, options: ReadOptions = {}): Promise<string[]> {
  const text = readText(file, options);
  try {
    const { header } = await openCsv(file, text, options);
    if (header === undefined) throw headerError(file, "no header");
    return header.columns;
  } finally {
    await text.chunks.return(undefined);
  }
}

async function records(
  file: SourceFile,
  columns: readonly string[],
  sink: RecordSink,
  options: ReadOptions = {},
): Promise<void> {
  const text = readText(file, options);
  try {
    const { window, header } = await openCsv(file, text, options);
    if (header?.columns.join("\n") !== columns.join("\n")) throw changedWhileRead(file, "another header");
    const reader = new CsvRecords(window, header, sink, text, maximumLengthOf(options));
    reader.read(false);
    for await (const chunk of text.chunks) {
      window.append(chunk);
      reader.read(false);
      await sink.drained();
    }
    reader.read(true);
  } finally {
    await text.chunks.return(undefined);
  }
}

const maximumLengthOf = (options: ReadOptions) => options.maximumRecordLength ?? defaultMaximumRecordLength;

/** Reads on until the header is complete; the window then stands behind it. Undefined: there is none. */
async function openCsv(
  file: SourceFile,
  text: TextReader,
  options: ReadOptions,
): Promise<{ window: TextWindow; header: CsvHeader | undefined }> {
  const maximumLength = maximumLengthOf(options);
  const window = new TextWindow();
  let named: { delimiter?: string } | undefined;
  for (let isLast = false; ; ) {
    const next = await text.chunks.next();
    if (next.done) isLast = true;
    else window.append(next.value);
    window.skipBlankLines(isLast);
    named ??= skipDelimiterLine(window, isLast);
    if (named === undefined) continue;
    window.skipBlankLines(isLast);
    const isBlank = window.at === window.filled;
    if (isBlank && isLast && options.header !== false) return { window, header: undefined };
    const dialect = { ...named, ...options };
    const header =
      isBlank && !isLast ? undefined : readHeader(file, headOf(window, isLast), dialect, maximumLength);
    if (header === undefined) continue;
    window.moveTo(header.end, header.lineBreaks);
    return { window, header };
  }
}

/** `sep=;`, by which Excel knows the delimiter, and a line break. */
const delimiterLineBytes = 7;

/** Moves behind Excel's line that names the delimiter, and answers it; undefined: what is there is too short to tell. */
function skipDelimiterLine(window: TextWindow, isLast: boolean): { delimiter?: string } | undefined {
  const { bytes, at, filled } = window;
  if (filled - at < delimiterLineBytes && !isLast) return undefined;
  const beginning = bytes.toString("latin1", at, Math.min(filled, at + delimiterLineBytes));
  const [, delimiter] = /^sep=([^\w"\r\n\x80-\xff])[\r\n]/i.exec(beginning) ?? [];
  if (delimiter === undefined) return {};
  window.moveTo(window.afterLineBreak(at + "sep=;".length, isLast), 1);
  return { delimiter };
}

const headOf = ({ bytes, at, filled, lineNumber }: TextWindow, isLast: boolean) => ({
  bytes,
  start: at,
  end: filled,
  isLast,
  lineNumber,
});
