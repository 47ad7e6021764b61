/**
 * Finds the end of a CSV record in bytes. The dialect's signs are single ASCII bytes, which occur inside no
 * character of UTF-8, so nothing has to be decoded.
 */
import { carriageReturn, lineFeed } from "./line.ts";
import type { RejectReason } from "./record.ts";

/** A dialect's signs as bytes. `quote` and `escape` are -1 where nothing is quoted. */
export interface Signs {
  readonly delimiter: number;
  readonly quote: number;
  /** Equal to `quote` where a doubled quote stands for one. */
  readonly quoteEscape: number;
}

/** `good`: a record; `unfinished`: its end is not there yet; anything else: why it is none. */
export type Verdict = "good" | "unfinished" | "unfinished_quote" | RejectReason;

/** "": the file ends there. */
export type LineBreak = "" | "\n" | "\r\n" | "\r";

// Every other byte is 0: plain.
/** A quote or an escape: nothing special inside a field without quotes, but another reader may take it for one. */
const doubtful = 1;
const delimiterKind = 2;
const lineFeedKind = 3;
const carriageReturnKind = 4;

/** Scans one record at a time; what it found stands in its fields until the next call. */
export class CsvScan {
  /** Behind the record's last field, or where a bad record was seen to be bad. */
  bodyEnd = 0;
  /** Behind the record's line break. */
  end = 0;
  fieldCount = 0;
  lineBreak: LineBreak = "";
  /** Line breaks inside quotes. */
  innerLineBreaks = 0;
  /** A quote or an escape stands where readers of CSV disagree about it. */
  isOdd = false;
  readonly #quote: number;
  readonly #escape: number;
  readonly #kinds = new Uint8Array(256);
  readonly #highestSign: number;

  constructor({ delimiter, quote, quoteEscape: escapeByte }: Signs) {
    this.#quote = quote;
    this.#escape = escapeByte;
    this.#highestSign = Math.max(delimiter, quote, escapeByte, carriageReturn);
    if (quote >= 0) this.#kinds[quote] = doubtful;
    if (escapeByte >= 0) this.#kinds[escapeByte] = doubtful;
    this.#kinds[delimiter] = delimiterKind;
    this.#kinds[lineFeed] = lineFeedKind;
    this.#kinds[carriageReturn] = carriageReturnKind;
  }

  /**
   * Reads the record that begins at `start`. A quote is special only as a field's first byte. Stops at the first
   * thing that makes it no record: a bad one costs little. `bytes[limit]` must be a line feed: every loop ends
   * there, so none has to look at the limit.
   */
  scan(bytes: Uint8Array, start: number, limit: number, isLast: boolean, maximumFields: number): Verdict {
    const kinds = this.#kinds;
    const highestSign = this.#highestSign;
    this.innerLineBreaks = 0;
    this.isOdd = false;
    let position = start;
    for (let fieldCount = 1; ; fieldCount++) {
      const isQuoted = bytes[position] === this.#quote;
      if (isQuoted) position = this.#quotedEnd(bytes, position + 1, limit);
      if (position < 0) return this.#stop(limit, "unfinished_quote");
      let kind = kinds[bytes[position] as number] as number;
      if (!isQuoted) {
        while (kind <= doubtful) {
          if (kind === doubtful) this.isOdd = true;
          // most bytes are letters and digits: one comparison each
          while ((bytes[++position] as number) > highestSign);
          kind = kinds[bytes[position] as number] as number;
        }
      }
      if (position === limit && !isLast) return this.#stop(limit, "unfinished");
      if (fieldCount > maximumFields) return this.#stop(position, "too_many_fields");
      if (position === limit) return this.#record(fieldCount, limit, "");
      if (kind === delimiterKind) position++;
      else if (kind === lineFeedKind) return this.#record(fieldCount, position, "\n");
      else if (kind !== carriageReturnKind) return this.#stop(position, "broken_quoting");
      else return this.#endAtCarriageReturn(bytes, fieldCount, position, limit, isLast);
    }
  }

  #endAtCarriageReturn(
    bytes: Uint8Array,
    fieldCount: number,
    position: number,
    limit: number,
    isLast: boolean,
  ): Verdict {
    const isAtLimit = position + 1 === limit;
    if (isAtLimit && !isLast) return this.#stop(limit, "unfinished"); // a line feed may follow
    const isPair = !isAtLimit && bytes[position + 1] === lineFeed;
    return this.#record(fieldCount, position, isPair ? "\r\n" : "\r");
  }

  #record(fieldCount: number, bodyEnd: number, lineBreak: LineBreak): Verdict {
    this.fieldCount = fieldCount;
    this.bodyEnd = bodyEnd;
    this.lineBreak = lineBreak;
    this.end = bodyEnd + lineBreak.length;
    return "good";
  }

  #stop(position: number, verdict: Verdict): Verdict {
    this.bodyEnd = position;
    return verdict;
  }

  /** The position behind the closing quote of a field whose inner text begins at `start`; -1: none here. */
  #quotedEnd(bytes: Uint8Array, start: number, limit: number): number {
    const quote = this.#quote;
    const escapeByte = this.#escape;
    for (let position = start; ; position++) {
      const byte = bytes[position] as number;
      if (byte === escapeByte) {
        const next = bytes[position + 1] as number;
        const isPair = position + 1 < limit && (next === quote || next === escapeByte);
        if (isPair) position++;
        else if (escapeByte === quote) return position + 1;
        else this.isOdd = true;
      } else if (byte === quote) return position + 1;
      else if (byte === carriageReturn) {
        if (bytes[position + 1] !== lineFeed || position + 1 === limit) this.innerLineBreaks++;
      } else if (byte === lineFeed) {
        if (position === limit) return -1;
        this.innerLineBreaks++;
      }
    }
  }
}
