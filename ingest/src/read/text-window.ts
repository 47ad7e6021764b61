import { carriageReturn, lineFeed } from "./line.ts";

/** The part of a text that is looked at: what is read and not yet done with. Memory is that part and one chunk. */
export class TextWindow {
  bytes: Buffer = Buffer.alloc(1);
  /** Where the first record begins that is not done with. */
  at = 0;
  /** Behind the last byte; there stands a line feed, which stops whoever does not look at the limit. */
  filled = 0;
  /** 1-based physical line of `at`. */
  lineNumber = 1;

  /** Positions change: what is done with goes. */
  append(chunk: Buffer): void {
    const kept = this.filled - this.at;
    const needed = kept + chunk.length + 1;
    const target = this.bytes.length < needed ? Buffer.allocUnsafe(needed * 2) : this.bytes;
    this.bytes.copy(target, 0, this.at, this.filled);
    chunk.copy(target, kept);
    this.bytes = target;
    this.at = 0;
    this.filled = kept + chunk.length;
    target[this.filled] = lineFeed;
  }

  moveTo(position: number, lineBreaks: number): void {
    this.at = position;
    this.lineNumber += lineBreaks;
  }

  skipBlankLines(isLast: boolean): void {
    for (;;) {
      const end = this.afterLineBreak(this.at, isLast);
      if (end <= this.at) return;
      this.moveTo(end, 1);
    }
  }

  /** The position behind a line break at `position`; itself if there is none; -1 if it cannot be known yet. */
  afterLineBreak(position: number, isLast: boolean): number {
    if (position >= this.filled) return isLast ? this.filled : -1;
    const code = this.bytes[position];
    if (code === lineFeed) return position + 1;
    if (code !== carriageReturn) return position;
    if (position + 1 === this.filled) return isLast ? this.filled : -1;
    return this.bytes[position + 1] === lineFeed ? position + 2 : position + 1;
  }

  /** The position of the first line break from `start` on, at most `limit`. */
  lineEnd(start: number, limit: number): number {
    let position = start;
    while (position < limit && this.bytes[position] !== lineFeed && this.bytes[position] !== carriageReturn)
      position++;
    return position;
  }
}
