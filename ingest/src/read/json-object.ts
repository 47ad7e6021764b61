import { isTextValue } from "./encoding.ts";
import { numberEnd } from "./json-number.ts";
import {
  backslash,
  closeBrace,
  closeBracket,
  colon,
  comma,
  isBlank,
  openBrace,
  openBracket,
  quote,
} from "./json-signs.ts";
import type { RejectReason } from "./record.ts";

/** What a member's value is: its bytes say it all, they are JSON text, they are a string with escapes, or null. */
export type ValueKind = "plain" | "nested" | "escaped" | "null";

/** A key or value; a string's bytes without its quotes. */
export interface Span {
  start: number;
  end: number;
  kind: ValueKind;
  /** The decoded string if `kind` is escaped. */
  text: string;
}

export interface Member {
  readonly key: Span;
  readonly value: Span;
}

/**
 * Reads one JSON object (RFC 8259) at a time, strictly; its members stand in `members` until the next call. A line feed
 * must follow somewhere in the bytes: no string goes beyond it.
 */
export class JsonObject {
  /** The first `count` are those of the object; they are used again and again. */
  readonly members: Member[] = [];
  count = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #isAllText = true;

  /** The reason if the element between `start` and `end`, given without blanks around it, is no row. */
  read(bytes: Buffer, start: number, end: number): RejectReason | "good" {
    if (bytes[start] !== openBrace) return isJson(bytes, start, end) ? "not_an_object" : "invalid_json";
    if (this.#read(bytes, start, end) !== end) return "invalid_json";
    return this.#isAllText ? "good" : "invalid_unicode";
  }

  /** The position behind the object at `start`; -1: there is none before `limit`, or it is no row. */
  readAt(bytes: Buffer, start: number, limit: number): number {
    if (bytes[start] !== openBrace) return -1;
    const end = this.#read(bytes, start, limit);
    return this.#isAllText ? end : -1;
  }

  #read(bytes: Buffer, start: number, limit: number): number {
    this.#bytes = bytes;
    this.#end = limit;
    this.#isAllText = true;
    this.count = 0;
    return this.#readMembers(start + 1);
  }

  #readMembers(start: number): number {
    const bytes = this.#bytes;
    let position = this.#skipBlanks(start);
    if (bytes[position] === closeBrace) return position + 1;
    for (;;) {
      const { key, value } = this.#nextMember();
      if (bytes[position] !== quote) return -1;
      position = this.#skipBlanks(this.#readString(position, key));
      if (position < 0 || bytes[position] !== colon) return -1;
      position = this.#skipBlanks(this.#readValue(this.#skipBlanks(position + 1), value));
      if (position < 0) return -1;
      if (bytes[position] === closeBrace) return position + 1;
      if (bytes[position] !== comma) return -1;
      position = this.#skipBlanks(position + 1);
    }
  }

  #nextMember(): Member {
    if (this.members.length === this.count) this.members.push({ key: emptySpan(), value: emptySpan() });
    return this.members[this.count++] as Member;
  }

  /** The readers answer the position behind what they read; -1: it is not there. */
  #readValue(start: number, span: Span): number {
    const first = this.#bytes[start] as number;
    if (first === quote) return this.#readString(start, span);
    span.start = start;
    if (first === openBrace || first === openBracket) return this.#readNested(start, span);
    span.kind = "plain";
    span.end = first > digit9 ? this.#readWord(start, span) : numberEnd(this.#bytes, start);
    return span.end <= this.#end ? span.end : -1;
  }

  #readString(start: number, span: Span): number {
    const bytes = this.#bytes;
    span.start = start + 1;
    span.kind = "plain";
    let position = start + 1;
    for (;;) {
      while (isOrdinary[bytes[position] as number] === 1) position++;
      if (position >= this.#end) return -1;
      if (bytes[position] === quote) break;
      if (bytes[position] !== backslash) return -1;
      span.kind = "escaped";
      position += 2;
    }
    span.end = position;
    return span.kind === "escaped" && !this.#decode(span) ? -1 : position + 1;
  }

  #decode(span: Span): boolean {
    try {
      span.text = JSON.parse(this.#bytes.toString("utf8", span.start - 1, span.end + 1));
      this.#isAllText &&= isTextValue(span.text);
      return true;
    } catch {
      return false;
    }
  }

  #readNested(start: number, span: Span): number {
    const bytes = this.#bytes;
    let depth = 0;
    let isInString = false;
    for (let position = start; position < this.#end; position++) {
      const byte = bytes[position];
      if (byte === backslash) position++;
      else if (byte === quote) isInString = !isInString;
      else if (isInString) continue;
      else if (byte === openBrace || byte === openBracket) depth++;
      else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) {
        span.end = position + 1;
        span.kind = "nested";
        return isJson(bytes, start, span.end) ? span.end : -1;
      }
    }
    return -1;
  }

  #readWord(start: number, span: Span): number {
    const word = words.find((known) => known.every((byte, index) => this.#bytes[start + index] === byte));
    if (word === undefined) return -1;
    if (word === words[0]) span.kind = "null";
    return start + word.length;
  }

  /** Passes a -1 on. */
  #skipBlanks(start: number): number {
    let position = start;
    while (position >= 0 && position < this.#end && isBlank(this.#bytes[position] as number)) position++;
    return position;
  }
}

const emptySpan = (): Span => ({ start: 0, end: 0, kind: "plain", text: "" });

const words = ["null", "true", "false"].map((word) => [...Buffer.from(word)]);
const digit9 = 0x39;
const firstPrintable = 0x20;
/** 1 for what a string may have without an escape. */
const isOrdinary = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= firstPrintable && byte !== quote && byte !== backslash),
);
function isJson(bytes: Buffer, start: number, end: number): boolean {
  try {
    JSON.parse(bytes.toString("utf8", start, end));
    return true;
  } catch {
    return false;
  }
}
