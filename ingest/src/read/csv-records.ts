import { fieldsOf } from "./csv-fields.ts";
import type { CsvHeader } from "./csv-header.ts";
import { CsvScan, type Verdict } from "./csv-scan.ts";
import { isText, wholeCharacterBytes } from "./encoding.ts";
import { carriageReturn, lineFeed } from "./line.ts";
import type { RecordSink, RejectReason } from "./record.ts";
import type { TextReader } from "./text.ts";
import type { TextWindow } from "./text-window.ts";

/**
 * Gives the records of a CSV text to a sink. Those that every reader of CSV understands alike go as they are, many
 * at once; the others by their values. A record that is none gives up its first physical line only, and reading
 * goes on with the next line: one unclosed quote never swallows the rest.
 */
export class CsvRecords {
  readonly #window: TextWindow;
  readonly #header: CsvHeader;
  readonly #scan: CsvScan;
  readonly #sink: RecordSink;
  readonly #text: TextReader;
  readonly #maximumLength: number;
  readonly #fieldCount: number;
  /** Inside a line that is longer than a record may be; its beginning was rejected already. */
  #isSkippingLine = false;

  constructor(
    window: TextWindow,
    header: CsvHeader,
    sink: RecordSink,
    text: TextReader,
    maximumLength: number,
  ) {
    this.#window = window;
    this.#header = header;
    this.#scan = new CsvScan(header.signs);
    this.#sink = sink;
    this.#text = text;
    this.#maximumLength = maximumLength;
    this.#fieldCount = header.columns.length;
    const sign = (code: number) => (code < 0 ? "" : String.fromCharCode(code));
    const { delimiter, quote, quoteEscape } = header.signs;
    // Where nothing escapes a quote, no record has one inside quotes; a value with one still has to be written.
    const escapeSign = quoteEscape < 0 ? quote : quoteEscape;
    const { lineBreak } = header;
    sink.begin({ delimiter: sign(delimiter), quote: sign(quote), quoteEscape: sign(escapeSign), lineBreak });
  }

  /** Reads all records that are complete in the window; with `isLast` all that are left. */
  read(isLast: boolean): void {
    const window = this.#window;
    const known = window.bytes.subarray(window.at, window.filled);
    const isAllText = isText(isLast ? known : known.subarray(0, wholeCharacterBytes(known)));
    while (window.at < window.filled) {
      this.#readPlain(isLast, isAllText);
      if (window.at === window.filled || !this.#readOther(isLast)) return;
    }
  }

  /** The hot loop: as many records as can go together, up to the first that needs a closer look. */
  #readPlain(isLast: boolean, isAllText: boolean): void {
    if (this.#isSkippingLine) return;
    const { bytes, at, filled } = this.#window;
    const scan = this.#scan;
    const fieldCount = this.#fieldCount;
    const { lineBreak } = this.#header;
    const full = at + this.#sink.room;
    let end = at;
    let count = 0;
    let lineBreaks = 0;
    while (end < filled && (end < full || count === 0)) {
      if (bytes[end] === lineFeed || bytes[end] === carriageReturn) break;
      if (scan.scan(bytes, end, filled, isLast, fieldCount) !== "good") break;
      if (scan.isOdd || scan.fieldCount !== fieldCount || scan.lineBreak !== lineBreak) break;
      if (scan.bodyEnd - end > this.#maximumLength) break;
      if (!isAllText && !isText(bytes.subarray(end, scan.bodyEnd))) break;
      end = scan.end;
      lineBreaks += scan.innerLineBreaks + 1;
      count++;
    }
    if (count > 0) this.#sink.rows(bytes, at, end, count);
    this.#window.moveTo(end, lineBreaks);
  }

  /** Moves behind one record, one blank line or one rejected line, or none; false: needs more text. */
  #readOther(isLast: boolean): boolean {
    const window = this.#window;
    if (this.#isSkippingLine) return this.#skipLine(isLast);
    const blankEnd = window.afterLineBreak(window.at, isLast);
    if (blankEnd < 0) return false;
    if (blankEnd > window.at) return this.#moveTo(blankEnd, 1);
    const verdict = this.#verdict(isLast);
    if (verdict === "good") return this.#accept();
    if (!verdict.startsWith("unfinished")) return this.#reject(verdict as RejectReason, isLast);
    const isTooLong = isLast || window.filled - window.at > this.#maximumLength + 1;
    return (
      isTooLong && this.#reject(verdict === "unfinished_quote" ? "unclosed_quote" : "record_too_long", isLast)
    );
  }

  /** A verdict that needs more bytes than a record may have is one about those bytes alone. */
  #verdict(isLast: boolean): Verdict {
    const { bytes, at, filled } = this.#window;
    const verdict = this.#scan.scan(bytes, at, filled, isLast, this.#fieldCount);
    if (this.#scan.bodyEnd - at > this.#maximumLength)
      return this.#verdictWithin(at + this.#maximumLength + 1);
    return verdict === "good" && this.#scan.fieldCount < this.#fieldCount ? "too_few_fields" : verdict;
  }

  #verdictWithin(limit: number): Verdict {
    const { bytes, at } = this.#window;
    const behind = bytes[limit] as number;
    bytes[limit] = lineFeed;
    const verdict = this.#scan.scan(bytes, at, limit, false, this.#fieldCount);
    bytes[limit] = behind;
    return verdict;
  }

  #accept(): boolean {
    const { bytes, at, lineNumber } = this.#window;
    const { bodyEnd, end, isOdd, innerLineBreaks, lineBreak } = this.#scan;
    const record = bytes.subarray(at, bodyEnd);
    if (!isText(record)) this.#sink.reject(this.#text.reject(lineNumber, "invalid_encoding", record));
    else if (isOdd || lineBreak !== this.#header.lineBreak)
      this.#sink.row(fieldsOf(record, this.#header.signs));
    else return true; // only the sink was full
    return this.#moveTo(end, innerLineBreaks + 1);
  }

  #reject(reason: RejectReason, isLast: boolean): boolean {
    const window = this.#window;
    const { at, filled } = window;
    const end = window.lineEnd(at, Math.min(filled, at + this.#maximumLength + 1));
    const isTooLong = end - at > this.#maximumLength;
    const next = isTooLong ? end : window.afterLineBreak(end, isLast);
    if (next < 0 || (end === filled && !isLast && !isTooLong)) return false;
    const raw = window.bytes.subarray(at, Math.min(end, at + this.#maximumLength));
    this.#isSkippingLine = isTooLong;
    const why = isTooLong ? "record_too_long" : reason;
    this.#sink.reject(this.#text.reject(window.lineNumber, why, raw));
    return this.#moveTo(next, isTooLong ? 0 : 1);
  }

  #skipLine(isLast: boolean): boolean {
    const window = this.#window;
    const end = window.lineEnd(window.at, window.filled);
    const next = window.afterLineBreak(end, isLast);
    if (next < 0) window.at = end;
    this.#isSkippingLine = next < 0;
    return next >= 0 && this.#moveTo(next, 1);
  }

  #moveTo(position: number, lineBreaks: number): true {
    this.#window.moveTo(position, lineBreaks);
    return true;
  }
}
