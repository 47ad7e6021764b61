/** Text of any encoding as UTF-8 bytes, and back. */
import { isUtf8 } from "node:buffer";
import type { Encoding } from "./dialect.ts";

const longestCharacterBytes = 4;
/** In no UTF-8 text; stands for a byte that is half of a UTF-16 unit. */
const oddByteMark = Buffer.from([0xff]);
const windows1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";

/** Turns chunks of a file into chunks of UTF-8. What is no character becomes bytes that are no UTF-8 either. */
export interface Transcoder {
  /** The bytes for a chunk; what is cut off at its end comes with the next one. Valid until the next call. */
  push(chunk: Buffer, isLast: boolean): Buffer;
  /** The bytes that stood in the file for what `push` answered. */
  original(bytes: Buffer): Buffer;
}

/** The encoding that a byte order mark tells, and the mark's length; the declared one where there is none. */
export function encodingOf(head: Buffer, declared: Encoding = "utf-8") {
  if (head.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]))) return { name: "utf-8", markBytes: 3 };
  if (head[0] === 0xff && head[1] === 0xfe) return { name: "utf-16le", markBytes: 2 };
  if (head[0] === 0xfe && head[1] === 0xff) return { name: "utf-16be", markBytes: 2 };
  if (declared !== "utf-16") return { name: declared, markBytes: 0 };
  // Texts begin with ASCII nearly always; its zero byte comes first in big-endian.
  return { name: head[0] === 0 ? "utf-16be" : "utf-16le", markBytes: 0 };
}

export function createTranscoder(encoding: string): Transcoder {
  if (encoding === "utf-8") return { push: (chunk) => chunk, original: (bytes) => bytes };
  if (encoding.startsWith("utf-16")) return utf16Transcoder(encoding === "utf-16be");
  const isWindows = encoding === "windows-1252";
  return {
    push: (chunk) => (isWindows ? fromWindows1252(chunk) : Buffer.from(chunk.toString("latin1"))),
    original: (bytes) => toSingleBytes(bytes, isWindows ? windows1252 : ""),
  };
}

/** Bytes without a character stay as they are: alone they are no UTF-8. */
function fromWindows1252(chunk: Buffer): Buffer {
  const pieces = chunk.toString("latin1").split(/([\x81\x8d\x8f\x90\x9d]+)/);
  const decoded = (text: string) =>
    text.replaceAll(/[\x80-\x9f]/g, (sign) => windows1252[sign.charCodeAt(0) - 0x80] as string);
  const bytes = pieces.map((piece, index) =>
    index % 2 === 1 ? Buffer.from(piece, "latin1") : Buffer.from(decoded(piece)),
  );
  return bytes.length === 1 ? (bytes[0] as Buffer) : Buffer.concat(bytes);
}

/** `upper`: the characters from 0x80 on that are not those of Latin-1. */
function toSingleBytes(bytes: Buffer, upper: string): Buffer {
  const encoded = (sequence: string) => {
    const sign = Buffer.from(sequence, "latin1").toString("utf8");
    const place = upper.indexOf(sign);
    return place < 0 ? sign : String.fromCharCode(0x80 + place);
  };
  const longSequences = /[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}/g;
  return Buffer.from(bytes.toString("latin1").replaceAll(longSequences, encoded), "latin1");
}

function utf16Transcoder(isBigEndian: boolean): Transcoder {
  let held: Buffer = Buffer.alloc(0);
  let oddByte: Buffer = Buffer.alloc(0); // the file is cut off inside a character
  const swapped = (bytes: Buffer) => (isBigEndian ? Buffer.from(bytes).swap16() : bytes);
  return {
    push(chunk, isLast) {
      const bytes = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
      const length = isLast ? bytes.length - (bytes.length % 2) : wholeUnitBytes(bytes, isBigEndian);
      held = Buffer.from(bytes.subarray(length));
      if (isLast) oddByte = held;
      const text = utf16ToBytes(swapped(bytes.subarray(0, length)));
      return isLast && oddByte.length > 0 ? Buffer.concat([text, oddByteMark]) : text;
    },
    original(bytes) {
      const isCut = bytes.at(-1) === oddByteMark[0];
      const units = swapped(Buffer.from(decodeLoosely(isCut ? bytes.subarray(0, -1) : bytes), "utf16le"));
      return isCut ? Buffer.concat([units, oddByte]) : units;
    },
  };
}

/** Without an odd byte and without the first half of a surrogate pair at the end. */
function wholeUnitBytes(bytes: Buffer, isBigEndian: boolean): number {
  const length = bytes.length - (bytes.length % 2);
  if (length === 0) return 0;
  const high = bytes[isBigEndian ? length - 2 : length - 1] as number;
  return (high & 0xfc) === 0xd8 ? length - 2 : length;
}

/** Half a surrogate pair becomes three bytes as if it were a character: no valid UTF-8, and the way back is exact. */
function utf16ToBytes(units: Buffer): Buffer {
  const text = units.toString("utf16le");
  if (text.isWellFormed()) return Buffer.from(text);
  return Buffer.concat([...text].map((sign) => (sign.isWellFormed() ? Buffer.from(sign) : halfPair(sign))));
}

function halfPair(sign: string): Buffer {
  const code = sign.charCodeAt(0);
  return Buffer.from([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]);
}

/** UTF-8 in which `halfPair` wrote halves of surrogate pairs. */
function decodeLoosely(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  const pieces = bytes.toString("latin1").split(/(\u00ed[\u00a0-\u00bf][\u0080-\u00bf])/);
  return pieces.map((piece, index) => (index % 2 === 1 ? decodedHalf(piece) : decodedText(piece))).join("");
}

const decodedText = (latin1: string) => Buffer.from(latin1, "latin1").toString("utf8");

function decodedHalf(latin1: string): string {
  const [first = 0, second = 0, third = 0] = Buffer.from(latin1, "latin1");
  return String.fromCharCode(((first & 15) << 12) | ((second & 63) << 6) | (third & 63));
}

/** True if the bytes are text: valid UTF-8 without NUL, which is damage or another encoding, and which readers cut. */
export function isText(bytes: Buffer): boolean {
  return isUtf8(bytes) && !bytes.includes(0);
}

/** The same of a text that was decoded already: no half of a surrogate pair, no NUL. */
export function isTextValue(value: string): boolean {
  return value.isWellFormed() && !value.includes("\0");
}

/** How many of the bytes belong to UTF-8 characters that end among them. */
export function wholeCharacterBytes(bytes: Buffer): number {
  for (let back = 1; back < longestCharacterBytes && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number;
    const isContinuation = (byte & 0xc0) === 0x80;
    if (!isContinuation) return bytes.length - (characterBytes(byte) > back ? back : 0);
  }
  return bytes.length;
}

/** The length that the first byte of a UTF-8 character announces. */
export function characterBytes(firstByte: number): number {
  if (firstByte < 0x80) return 1;
  if (firstByte < 0xe0) return 2;
  return firstByte < 0xf0 ? 3 : 4;
}

/** The offset of the first byte that is no text; -1: all is. */
export function firstInvalidByte(bytes: Buffer): number {
  if (isUtf8(bytes)) return bytes.indexOf(0);
  for (let offset = 0; offset < bytes.length; ) {
    const byte = bytes[offset] as number;
    const length = characterBytes(byte);
    if (byte === 0 || !isUtf8(bytes.subarray(offset, offset + length))) return offset;
    offset += length;
  }
  return -1;
}
