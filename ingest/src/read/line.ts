export const lineFeed = 0x0a;
export const carriageReturn = 0x0d;

/** True at the first character of each line break: LF, CRLF or CR. `previous` is the code before. */
export function isLineBreak(code: number, previous: number): boolean {
  return code === carriageReturn || (code === lineFeed && previous !== carriageReturn);
}

/** Line breaks in `text` from `start` up to `end`. */
export function countLineBreaks(text: string, start: number, end: number): number {
  let count = 0;
  let previous = 0;
  for (let index = start; index < end; index++) {
    const code = text.charCodeAt(index);
    if (isLineBreak(code, previous)) count++;
    previous = code;
  }
  return count;
}

/** Line feeds in `bytes` from `start` up to `end`. */
export function lineFeeds(bytes: Buffer, start: number, end: number): number {
  let count = 0;
  for (let at = bytes.indexOf(lineFeed, start); at >= 0 && at < end; at = bytes.indexOf(lineFeed, at + 1))
    count++;
  return count;
}
