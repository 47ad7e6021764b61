import { afterLineBreak, lineEnd, scanRecord, type Window } from "./csv-scan.ts";
import { countLineBreaks } from "./line.ts";
import type { Reject, RejectReason, Row } from "./record.ts";

/**
 * Splits CSV text that arrives in pieces into records. The first record is the header; it decides how many
 * fields the others have. A record that is none gives up its first physical line only, and reading goes on
 * with the next line: one unclosed quote never swallows the rest.
 */
export class CsvParser {
  /** Undefined until the first record that is not blank was read. */
  header: string[] | undefined;
  readonly #maximumLength: number;
  #text = "";
  #at = 0;
  #lineNumber = 1;
  #rowNumber = 0;
  /** Inside a line that is longer than a record may be; its beginning was rejected already. */
  #isSkippingLine = false;
  #found: (Row | Reject)[] = [];

  constructor(maximumLength: number) {
    this.#maximumLength = maximumLength;
  }

  /**
   * The records that `text` completes; with `isLast` all that are left. A header that is no record is the
   * only one, a reject, while `header` is undefined: do not go on then.
   */
  push(text: string, isLast = false): (Row | Reject)[] {
    this.#text = this.#text.slice(this.#at) + text;
    this.#at = 0;
    this.#found = [];
    while (this.#at < this.#text.length && this.#advance(isLast)) if (this.#isHeaderBad()) break;
    return this.#found;
  }

  #isHeaderBad(): boolean {
    return this.header === undefined && this.#found.length > 0;
  }

  /** What may be looked at for one record. */
  #window(isLast: boolean): Window {
    // one character more than a record may have tells a longer record, wherever the pieces were cut
    const end = Math.min(this.#text.length, this.#at + this.#maximumLength + 1);
    return { text: this.#text, end, isComplete: isLast && end === this.#text.length };
  }

  /** Moves behind one record, one blank line or one rejected line; false: needs more text. */
  #advance(isLast: boolean): boolean {
    if (this.#isSkippingLine) return this.#skipLine(isLast);
    const window = this.#window(isLast);
    const blankEnd = afterLineBreak(window, this.#at);
    if (blankEnd < 0) return false;
    if (blankEnd > this.#at) return this.#moveTo(blankEnd, 1);
    const scan = scanRecord(window, this.#at, this.header?.length ?? Number.POSITIVE_INFINITY);
    if (scan.kind === "bad") return this.#reject(window, scan.reason);
    if (scan.kind === "record") return this.#accept(window, scan);
    // only now, as the character behind the window tells a line break at its end
    const isTooLong = isLast || this.#text.length - this.#at > this.#maximumLength + 1;
    return isTooLong && this.#reject(window, scan.inQuotes ? "unclosed_quote" : "record_too_long");
  }

  #accept(window: Window, record: { values: string[]; end: number; hasQuotes: boolean }): boolean {
    const { values, end, hasQuotes } = record;
    if (values.length < (this.header?.length ?? 0)) return this.#reject(window, "too_few_fields");
    if (this.header === undefined) this.header = values;
    else this.#found.push({ rowNumber: ++this.#rowNumber, lineNumber: this.#lineNumber, values });
    return this.#moveTo(end, hasQuotes ? countLineBreaks(this.#text, this.#at, end) : 1);
  }

  #reject(window: Window, reason: RejectReason): boolean {
    const end = lineEnd(window, this.#at);
    const isTooLong = end - this.#at > this.#maximumLength;
    const next = isTooLong ? end : afterLineBreak(window, end);
    if (next < 0) return false;
    // a cut may halve a surrogate pair
    const raw = isTooLong
      ? window.text.slice(this.#at, end - 1).toWellFormed()
      : window.text.slice(this.#at, end);
    this.#isSkippingLine = isTooLong;
    const why = isTooLong ? "record_too_long" : reason;
    this.#found.push({ rowNumber: ++this.#rowNumber, lineNumber: this.#lineNumber, reason: why, raw });
    return this.#moveTo(next, isTooLong ? 0 : 1);
  }

  #skipLine(isLast: boolean): boolean {
    const window = { text: this.#text, end: this.#text.length, isComplete: isLast };
    const end = lineEnd(window, this.#at);
    const next = afterLineBreak(window, end);
    if (next < 0) this.#at = end;
    this.#isSkippingLine = next < 0;
    return next >= 0 && this.#moveTo(next, 1);
  }

  #moveTo(position: number, lines: number): true {
    this.#at = position;
    this.#lineNumber += lines;
    return true;
  }
}
