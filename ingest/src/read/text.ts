import { isUtf8 } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { inputError } from "../errors.ts";
import { isLineBreak } from "./line.ts";
import { openText } from "./open.ts";
import type { SourceFile } from "./record.ts";

const defaultChunkBytes = 65_536;
const longestCharacterBytes = 4;

/**
 * The text of a UTF-8 file without its byte order mark, in pieces of whole characters.
 * Memory is bounded by one chunk. Throws an `inputError` if the file cannot be opened, is empty, is of a
 * known binary format, or as soon as it meets a NUL byte or a byte that is not UTF-8.
 */
export async function* textChunks(file: SourceFile, chunkBytes = defaultChunkBytes): AsyncGenerator<string> {
  const { handle, start } = await openText(file);
  try {
    yield* decodedChunks(file, handle, start, chunkBytes);
  } finally {
    await handle.close();
  }
}

async function* decodedChunks(file: SourceFile, handle: FileHandle, start: number, chunkBytes: number) {
  const buffer = Buffer.allocUnsafe(chunkBytes + longestCharacterBytes - 1);
  let position = start;
  let heldBytes = 0; // the beginning of a character whose other bytes are in the next chunk
  for (;;) {
    const { bytesRead } = await handle.read(buffer, heldBytes, chunkBytes, position);
    position += bytesRead;
    const bytes = buffer.subarray(0, heldBytes + bytesRead);
    const whole = bytesRead === 0 ? bytes : bytes.subarray(0, wholeCharacterBytes(bytes));
    await refuseInvalidText(file, handle, whole, position - bytes.length);
    if (whole.length > 0) yield whole.toString("utf8");
    if (bytesRead === 0) return;
    heldBytes = bytes.copy(buffer, 0, whole.length);
  }
}

/** How many of the bytes belong to characters that end among them. */
function wholeCharacterBytes(bytes: Buffer): number {
  for (let back = 1; back < longestCharacterBytes && back <= bytes.length; back++) {
    const byte = bytes.readUInt8(bytes.length - back);
    const isContinuation = (byte & 0xc0) === 0x80;
    if (!isContinuation) return bytes.length - (characterBytes(byte) > back ? back : 0);
  }
  return bytes.length;
}

/** The length that the first byte of a UTF-8 character announces. */
function characterBytes(firstByte: number): number {
  if (firstByte < 0x80) return 1;
  if (firstByte < 0xe0) return 2;
  return firstByte < 0xf0 ? 3 : 4;
}

async function refuseInvalidText(file: SourceFile, handle: FileHandle, bytes: Buffer, start: number) {
  const isText = isUtf8(bytes);
  const invalid = isText ? bytes.indexOf(0) : firstInvalidByte(bytes);
  if (invalid < 0) return;
  const offset = start + invalid;
  const line = await lineAt(handle, offset);
  const hex = bytes.readUInt8(invalid).toString(16).padStart(2, "0");
  const place = `byte 0x${hex} at offset ${offset}`;
  const next = "convert it first, for example: iconv -f windows-1252 -t utf-8 FILE > CONVERTED";
  if (!isText)
    throw inputError(`not UTF-8, ${place}`, { file: file.hostPath, line, expected: "UTF-8 text", next });
  throw inputError(`binary data, ${place}`, {
    file: file.hostPath,
    line,
    expected: "text without NUL bytes",
    next: "if it is UTF-16, convert it first: iconv -f utf-16 -t utf-8 FILE > CONVERTED",
  });
}

function firstInvalidByte(bytes: Buffer): number {
  let offset = 0;
  while (offset < bytes.length) {
    const length = characterBytes(bytes.readUInt8(offset));
    if (offset + length > bytes.length || !isUtf8(bytes.subarray(offset, offset + length))) break;
    offset += length;
  }
  return offset;
}

/** The physical line of a byte; reads the file again, so that only a refused file pays for it. */
async function lineAt(handle: FileHandle, offset: number): Promise<number> {
  let line = 1;
  let previous = 0;
  if (offset === 0) return line;
  for await (const chunk of handle.createReadStream({ start: 0, end: offset - 1, autoClose: false })) {
    for (const byte of chunk as Buffer) {
      if (isLineBreak(byte, previous)) line++;
      previous = byte;
    }
  }
  return line;
}
