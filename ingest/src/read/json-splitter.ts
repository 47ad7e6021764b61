import { inputError, type ReelhouseError } from "../errors.ts";
import type { Element, Splitter } from "./json-element.ts";
import type { JsonObject } from "./json-object.ts";
import {
  backslash,
  closeBrace,
  closeBracket,
  comma,
  isBlank,
  openBrace,
  openBracket,
  quote,
} from "./json-signs.ts";
import { carriageReturn, lineFeed, lineFeeds } from "./line.ts";
import type { SourceFile } from "./record.ts";
import type { TextWindow } from "./text-window.ts";

/** More of them behind an element are taken for a part of it. */
const maximumBlanks = 65_536;

const tableOf = (...bytes: number[]) =>
  Uint8Array.from({ length: 256 }, (_, byte) => Number(bytes.includes(byte)));
const signsInString = tableOf(quote, backslash, lineFeed, carriageReturn);
const signsInElement = tableOf(
  ...[quote, comma, openBrace, closeBrace, openBracket, closeBracket, lineFeed, carriageReturn],
);

/**
 * Splits a JSON array at the commas of its first level. It does not look whether an element is valid JSON: one bad
 * element never spoils the next.
 */
export class ArraySplitter implements Splitter {
  readonly #file: SourceFile;
  readonly #window: TextWindow;
  readonly #maximumLength: number;
  #place: "before" | "inside" | "after" = "before";
  #depth = 0; // of braces and brackets inside the current element
  #isInString = false;
  #isEscaped = false;
  #seen = 0; // bytes of the window behind `at` that were looked at
  #isBehindReturn = false; // the last byte was a carriage return
  #elementCount = 0;
  #elementLine = 0; // 0: nothing of the element was seen yet
  #isCutOff = false; // more of the element came than may be; its beginning was given
  #found: Element[] = [];

  constructor(file: SourceFile, window: TextWindow, maximumLength: number) {
    this.#file = file;
    this.#window = window;
    this.#maximumLength = maximumLength;
  }

  next(object: JsonObject): Element | undefined {
    if (this.#place !== "inside" || this.#isCutOff || this.#isBehindReturn) return undefined;
    const window = this.#window;
    const { bytes, at, filled } = window;
    let start = at;
    let lineNumber = this.#elementLine || window.lineNumber;
    for (; isBlank(bytes[start] as number) && start < filled; start++)
      if (bytes[start] === lineFeed) lineNumber++;
    const end = object.readAt(bytes, start, filled);
    if (end < 0 || bytes[end] !== comma || end - start > this.#maximumLength) return undefined;
    this.#beginElement();
    window.lineNumber = lineNumber;
    window.moveTo(end + 1, lineFeeds(bytes, start, end));
    this.#elementCount++;
    return { start, end, lineNumber, isCut: false };
  }

  /** Throws an `inputError` if this is no JSON array, with `isLast` also if it is not complete. */
  split(isLast: boolean): Element[] {
    const window = this.#window;
    const { bytes, filled } = window;
    this.#found = [];
    let position = window.at + this.#seen;
    for (;;) {
      const next = this.#skip(bytes, position);
      if (next > position) this.#isBehindReturn = false;
      position = next;
      if (position >= filled) break;
      const byte = bytes[position] as number;
      if (byte === lineFeed || byte === carriageReturn) this.#countLine(byte);
      else this.#isBehindReturn = false;
      this.#step(byte, position);
      position++;
    }
    this.#keepUnfinished(filled);
    if (isLast) this.#requireEnd();
    return this.#found;
  }

  /** The position of the next byte that changes anything, at most the line feed behind the window. */
  #skip(bytes: Buffer, start: number): number {
    if (this.#isEscaped || this.#elementLine === 0) return start;
    const signs = this.#isInString ? signsInString : signsInElement;
    let position = start;
    while (signs[bytes[position] as number] === 0) position++;
    return position;
  }

  #countLine(byte: number): void {
    if (byte === carriageReturn || !this.#isBehindReturn) this.#window.lineNumber++;
    this.#isBehindReturn = byte === carriageReturn;
  }

  #step(byte: number, position: number): void {
    if (this.#isInString) this.#stepInString(byte);
    else if (isBlank(byte)) return;
    else if (this.#place !== "inside") this.#stepOutside(byte);
    else if (this.#depth === 0 && (byte === comma || byte === closeBracket)) this.#endElement(byte, position);
    else this.#stepInElement(byte, position);
  }

  #stepInString(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === backslash) this.#isEscaped = true;
    else if (byte === quote) this.#isInString = false;
  }

  #stepOutside(byte: number): void {
    if (this.#place === "after") throw this.#noArray("text after the array");
    if (byte === openBrace) throw this.#noArray("an object or JSON lines, no array");
    if (byte !== openBracket) throw this.#noArray("no JSON array");
    this.#place = "inside";
  }

  #stepInElement(byte: number, position: number): void {
    if (this.#elementLine === 0) {
      this.#elementLine = this.#window.lineNumber;
      this.#window.at = position;
    }
    if (byte === quote) this.#isInString = true;
    else if (byte === openBrace || byte === openBracket) this.#depth++;
    // one brace too many spoils its element, not the array
    else if ((byte === closeBrace || byte === closeBracket) && this.#depth > 0) this.#depth--;
  }

  #endElement(byte: number, position: number): void {
    const isEmptyArray = byte === closeBracket && this.#elementCount === 0 && this.#elementLine === 0;
    if (!isEmptyArray && !this.#isCutOff)
      this.#give(this.#elementLine > 0 ? this.#window.at : position, position);
    if (!isEmptyArray) this.#elementCount++;
    this.#beginElement();
    if (byte === closeBracket) this.#place = "after";
  }

  #beginElement(): void {
    this.#elementLine = 0;
    this.#isCutOff = false;
    this.#depth = 0;
    this.#isInString = false;
    this.#isEscaped = false;
    this.#seen = 0;
  }

  #give(start: number, position: number): void {
    const { bytes, lineNumber } = this.#window;
    let end = position;
    while (end > start && isBlank(bytes[end - 1] as number)) end--;
    const isCut = end - start > this.#maximumLength || this.#isTooLong(position);
    const line = this.#elementLine || lineNumber;
    this.#found.push({ start, end: isCut ? start + this.#maximumLength : end, lineNumber: line, isCut });
  }

  /** The window keeps the element that is not complete, or its beginning is given if it is too long. */
  #keepUnfinished(filled: number): void {
    const window = this.#window;
    if (this.#elementLine > 0 && !this.#isCutOff && this.#isTooLong(filled)) {
      const cut = { start: window.at, end: window.at + this.#maximumLength };
      this.#found.push({ ...cut, lineNumber: this.#elementLine, isCut: true });
      this.#isCutOff = true;
    }
    if (this.#elementLine === 0 || this.#isCutOff) window.at = filled;
    this.#seen = filled - window.at;
  }

  /** Whatever of the element the blanks at its end may be. */
  #isTooLong(position: number): boolean {
    return position - this.#window.at > this.#maximumLength + maximumBlanks;
  }

  #requireEnd(): void {
    if (this.#place === "after") return;
    if (this.#place === "before") throw this.#noArray("no value");
    const line = this.#elementLine || this.#window.lineNumber;
    throw this.#noArray(`array is cut off in element ${this.#elementCount + 1}, which begins here`, line);
  }

  #noArray(message: string, line = this.#window.lineNumber): ReelhouseError {
    return inputError(message, {
      file: this.#file.hostPath,
      line,
      expected: "one complete JSON array of objects, [{...}, {...}]",
      next: "deliver the file again; if it is CSV or JSON lines, say so in pipeline.yaml: format: csv or ndjson",
    });
  }
}
