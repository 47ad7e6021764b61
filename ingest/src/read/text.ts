/** The text of a file, whatever its compression and encoding, as chunks of UTF-8 bytes. */
import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { compressionOf, decompressed } from "./compression.ts";
import { createTranscoder, encodingOf, isText, type Transcoder, wholeCharacterBytes } from "./encoding.ts";
import { emptyFile, openFile, refuseBinary } from "./open.ts";
import type { ReadOptions, Reject, RejectReason, SourceFile } from "./record.ts";

const defaultChunkBytes = 1_048_576;
/** Enough to tell every compression, format and byte order mark. */
const headBytes = 8;

/** A text that is read from its beginning to its end, once. */
export interface TextReader {
  /**
   * UTF-8 without the byte order mark, in chunks that are valid until the next one is asked for. Memory is bounded
   * by one chunk. What is no character in the file's encoding is no valid UTF-8 either.
   */
  readonly chunks: AsyncGenerator<Buffer>;
  /** The reject for a record that `chunks` brought as `bytes`. */
  reject(lineNumber: number, reason: RejectReason, bytes: Buffer): Reject;
}

/** Throws an `inputError`, from `chunks` too, if the file cannot be read, is empty, damaged or a binary format. */
export function readText(file: SourceFile, options: ReadOptions = {}): TextReader {
  let transcoder: Transcoder = createTranscoder("utf-8");
  async function* chunks() {
    let isFirst = true;
    for await (const chunk of uncompressedChunks(file, options)) {
      if (isFirst) refuseBinary(file, chunk);
      const { name, markBytes } = encodingOf(chunk, options.encoding);
      if (isFirst) transcoder = createTranscoder(name);
      yield transcoder.push(isFirst ? chunk.subarray(markBytes) : chunk, false);
      isFirst = false;
    }
    if (isFirst) throw emptyFile(file);
    yield transcoder.push(Buffer.alloc(0), true);
  }
  const reject = (lineNumber: number, reason: RejectReason, record: Buffer): Reject => {
    // a cut may go through a character
    const bytes = reason === "record_too_long" ? record.subarray(0, wholeCharacterBytes(record)) : record;
    if (isText(bytes)) return { lineNumber, reason, raw: bytes.toString("utf8"), rawBytes: null };
    const raw = bytes.toString("utf8").replaceAll("\0", "\uFFFD");
    return { lineNumber, reason, raw, rawBytes: Buffer.from(transcoder.original(bytes)) };
  };
  return { chunks: chunks(), reject };
}

async function* uncompressedChunks(file: SourceFile, options: ReadOptions): AsyncGenerator<Buffer> {
  const { handle, byteCount } = await openFile(file);
  try {
    const head = Buffer.alloc(headBytes);
    const { bytesRead } = await handle.read(head, 0, headBytes, 0);
    const compression = compressionOf(head.subarray(0, bytesRead));
    const chunkBytes = options.chunkBytes ?? defaultChunkBytes;
    const limits = { compressedBytes: byteCount, expansion: options.maximumExpansion };
    let position = 0;
    const open = (start: number) => {
      position = start;
      // Not handle.createReadStream: destroying one closes the handle, which the next part needs, autoClose or not.
      const pieces = fileChunks(handle, start, () => Buffer.allocUnsafe(chunkBytes));
      return Readable.from(pieces, { objectMode: false }).on("data", (chunk) => {
        position += chunk.length;
      });
    };
    const chunks = compression
      ? decompressed(file, compression, open, limits)
      : reusedChunks(handle, chunkBytes);
    for await (const chunk of withWholeHead(chunks)) {
      yield chunk;
      if (!compression) position += chunk.length;
      options.onBytes?.(position);
    }
  } finally {
    await handle.close();
  }
}

/** Always the same buffer: the caller is done with a chunk when it asks for the next. */
function reusedChunks(handle: FileHandle, chunkBytes: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  return fileChunks(handle, 0, () => buffer);
}

async function* fileChunks(
  handle: FileHandle,
  start: number,
  nextBuffer: () => Buffer,
): AsyncGenerator<Buffer> {
  for (let position = start; ; ) {
    const buffer = nextBuffer();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** The same chunks, but for the first one, which has all bytes that tell what the file is. */
async function* withWholeHead(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (head === undefined) yield chunk;
    else {
      head = Buffer.concat([head, chunk]);
      if (head.length < headBytes) continue;
      yield head;
      head = undefined;
    }
  }
  if (head && head.length > 0) yield head;
}
