import type { Element, Splitter } from "./json-element.ts";
import type { JsonObject } from "./json-object.ts";
import { isBlank } from "./json-signs.ts";
import { lineFeed } from "./line.ts";
import type { TextWindow } from "./text-window.ts";

/** Takes each line that is not blank as an element: JSON lines, also called NDJSON. */
export class LineSplitter implements Splitter {
  readonly #window: TextWindow;
  readonly #maximumLength: number;
  /** Inside a line whose beginning was given already. */
  #isCutOff = false;

  constructor(window: TextWindow, maximumLength: number) {
    this.#window = window;
    this.#maximumLength = maximumLength;
  }

  next(object: JsonObject): Element | undefined {
    const window = this.#window;
    const { bytes, at, filled, lineNumber } = window;
    const end = this.#isCutOff ? -1 : object.readAt(bytes, at, filled);
    // blanks of the object may be line breaks
    const isLine = end >= 0 && end < filled && bytes.indexOf(lineFeed, at) === end;
    if (!isLine || end - at > this.#maximumLength) return undefined;
    window.moveTo(end + 1, 1);
    return { start: at, end, lineNumber, isCut: false };
  }

  split(isLast: boolean): Element[] {
    const window = this.#window;
    const found: Element[] = [];
    while (window.at < window.filled) {
      const end = window.lineEnd(window.at, window.filled);
      const next = window.afterLineBreak(end, isLast);
      const element = this.#element(window.at, end);
      const isTooLong = element.end - element.start > this.#maximumLength;
      if (next < 0 && !isTooLong) return found;
      if (element.end > element.start && !this.#isCutOff)
        found.push(
          isTooLong ? { ...element, end: element.start + this.#maximumLength, isCut: true } : element,
        );
      this.#isCutOff = next < 0;
      window.moveTo(next < 0 ? end : next, next < 0 ? 0 : 1);
      if (next < 0) return found;
    }
    return found;
  }

  #element(lineStart: number, lineEnd: number): Element {
    const { bytes, lineNumber } = this.#window;
    let start = lineStart;
    let end = lineEnd;
    while (start < end && isBlank(bytes[start] as number)) start++;
    while (end > start && isBlank(bytes[end - 1] as number)) end--;
    return { start, end, lineNumber, isCut: false };
  }
}
