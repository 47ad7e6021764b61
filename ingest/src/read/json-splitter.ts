import { inputError, type ReelhouseError } from "../errors.ts";
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
import { isLineBreak } from "./line.ts";
import type { SourceFile } from "./record.ts";

/** One element of the array, as it stands in the file, without the blanks around it. */
export interface Element {
  readonly text: string;
  readonly lineNumber: number;
  /** Longer than a record may be; `text` is its beginning. */
  readonly isCut: boolean;
}

/**
 * Splits a JSON array that arrives in pieces at the commas of its first level. It does not look whether an
 * element is valid JSON: one bad element never spoils the next. Memory is bounded by one element.
 */
export class JsonSplitter {
  readonly #file: SourceFile;
  readonly #maximumLength: number;
  #place: "before" | "inside" | "after" = "before";
  #depth = 0; // of braces and brackets inside the current element
  #inString = false;
  #isEscaped = false;
  #previous = 0; // the last code of the piece before
  #lineNumber = 1;
  #elementCount = 0;
  #elementLine = 0; // 0: nothing of the element was seen yet
  #held = ""; // the part of the element that came with earlier pieces
  #start = 0; // where its part in this piece begins
  #found: Element[] = [];

  constructor(file: SourceFile, maximumLength: number) {
    this.#file = file;
    this.#maximumLength = maximumLength;
  }

  /** The elements that `text` completes. Throws an `inputError` if this is no JSON array. */
  push(text: string): Element[] {
    this.#found = [];
    this.#start = 0;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (isLineBreak(code, index > 0 ? text.charCodeAt(index - 1) : this.#previous)) this.#lineNumber++;
      this.#step(code, index, text);
    }
    this.#previous = text.charCodeAt(text.length - 1);
    if (this.#elementLine > 0) this.#hold(text.slice(this.#start));
    return this.#found;
  }

  /** Throws an `inputError` if the array is not complete. */
  finish(): void {
    if (this.#place === "after") return;
    if (this.#place === "before") throw this.#noArray("no value", this.#lineNumber);
    const line = this.#elementLine || this.#lineNumber;
    throw this.#noArray(`array is cut off in element ${this.#elementCount + 1}, which begins here`, line);
  }

  #step(code: number, index: number, text: string): void {
    if (this.#inString) this.#stepInString(code);
    else if (isBlank(code)) return;
    else if (this.#place !== "inside") this.#stepOutside(code);
    else if (this.#depth === 0 && (code === comma || code === closeBracket))
      this.#endElement(code, index, text);
    else this.#stepInElement(code, index);
  }

  #stepInString(code: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (code === backslash) this.#isEscaped = true;
    else if (code === quote) this.#inString = false;
  }

  #stepOutside(code: number): void {
    if (this.#place === "after") throw this.#noArray("text after the array");
    if (code === openBrace) throw this.#noArray("an object or JSON lines, no array");
    if (code !== openBracket) throw this.#noArray("no JSON array");
    this.#place = "inside";
  }

  #stepInElement(code: number, index: number): void {
    if (this.#elementLine === 0) {
      this.#elementLine = this.#lineNumber;
      this.#start = index;
    }
    if (code === quote) this.#inString = true;
    else if (code === openBrace || code === openBracket) this.#depth++;
    // one brace too many spoils its element, not the array
    else if ((code === closeBrace || code === closeBracket) && this.#depth > 0) this.#depth--;
  }

  #endElement(code: number, index: number, text: string): void {
    const isEmptyArray = code === closeBracket && this.#elementCount === 0 && this.#elementLine === 0;
    if (this.#elementLine > 0) this.#hold(text.slice(this.#start, index));
    if (!isEmptyArray) this.#emit();
    if (code === closeBracket) this.#place = "after";
  }

  #emit(): void {
    const isCut = this.#held.length > this.#maximumLength;
    // a cut may halve a surrogate pair
    const text = isCut
      ? this.#held.slice(0, this.#maximumLength).toWellFormed()
      : withoutEndBlanks(this.#held);
    this.#found.push({ text, lineNumber: this.#elementLine || this.#lineNumber, isCut });
    this.#elementCount++;
    this.#elementLine = 0;
    this.#held = "";
  }

  #hold(part: string): void {
    const room = this.#maximumLength + 1 - this.#held.length;
    if (room > 0) this.#held += part.slice(0, room);
  }

  #noArray(message: string, line = this.#lineNumber): ReelhouseError {
    return inputError(message, {
      file: this.#file.hostPath,
      line,
      expected: "one complete JSON array of objects, [{...}, {...}]",
      next: "deliver the file again; if it is CSV, say so in pipeline.yaml: format: csv",
    });
  }
}

/** `trimEnd` would also cut blanks that JSON does not know, and make a broken element valid. */
function withoutEndBlanks(text: string): string {
  let end = text.length;
  while (isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end);
}
