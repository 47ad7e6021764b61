/** What a zip archive holds, found by the directory at its end, as programs do that made it. */
import type { FileHandle } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";

/** The archive is no archive, cut off or damaged; the message says how. */
export class ZipError extends Error {}

interface Entry {
  method: number;
  isEncrypted: boolean;
  checksum: number;
  compressedBytes: number;
  /** Where its own head begins. */
  start: number;
}

const signatures = { directoryEnd: 0x06054b50, end64: 0x06064b50, locator64: 0x07064b50 };
const entrySignature = 0x02014b50;
const headSignature = 0x04034b50;
const endBytes = 22;
const longestComment = 65_535;
/** Of a workbook with ten thousand sheets it has one or two. */
const maximumDirectoryBytes = 16_777_216;
const pieceBytes = 262_144;
const chunkBytes = 262_144;
const methods = { stored: 0, deflated: 8 };

/** Hear how many bytes were read so far, of all that is read of the archive; what they throw ends the reading. */
export interface ZipListeners {
  onPacked?(bytes: number): void;
  onUnpacked?(bytes: number): void;
}

export class Archive {
  readonly #handle: FileHandle;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #listeners: ZipListeners;
  #packedBytes = 0;
  #unpackedBytes = 0;

  private constructor(handle: FileHandle, entries: ReadonlyMap<string, Entry>, listeners: ZipListeners) {
    this.#handle = handle;
    this.#entries = entries;
    this.#listeners = listeners;
  }

  static async open(handle: FileHandle, byteCount: number, listeners: ZipListeners): Promise<Archive> {
    return new Archive(handle, await entriesOf(handle, byteCount), listeners);
  }

  has(path: string): boolean {
    return this.#entries.has(keyOf(path));
  }

  /** The content in chunks. Sizes that the archive claims are not believed. */
  async *read(path: string): AsyncGenerator<Buffer> {
    const entry = this.#entries.get(keyOf(path));
    if (entry === undefined) throw new ZipError(`${path} is missing`);
    if (entry.isEncrypted) throw new ZipError(`${path} is encrypted`);
    let checksum = 0;
    for await (const chunk of this.#unpacked(path, entry)) {
      checksum = crc32(chunk, checksum);
      this.#unpackedBytes += chunk.length;
      this.#listeners.onUnpacked?.(this.#unpackedBytes);
      yield chunk;
    }
    if (checksum !== entry.checksum) throw new ZipError(`${path} is damaged, its checksum is another one`);
  }

  async *#unpacked(path: string, { method, compressedBytes, start }: Entry): AsyncGenerator<Buffer> {
    const pieces = this.#pieces(await dataStart(this.#handle, path, start), compressedBytes, path);
    if (method === methods.stored) return yield* pieces;
    if (method !== methods.deflated)
      throw new ZipError(`${path} is packed in an unusual way, method ${method}`);
    const inflate = createInflateRaw({ chunkSize: chunkBytes });
    // its failures come out of the loop
    pipeline(Readable.from(pieces), inflate, () => undefined);
    try {
      yield* inflate;
    } catch (cause) {
      if (!/^Z_/.test((cause as NodeJS.ErrnoException).code ?? "")) throw cause;
      throw new ZipError(`${path} is damaged, ${(cause as Error).message}`, { cause });
    }
  }

  async *#pieces(start: number, byteCount: number, path: string): AsyncGenerator<Buffer> {
    const end = start + byteCount;
    for (let position = start; position < end; ) {
      const piece = Buffer.allocUnsafe(Math.min(pieceBytes, end - position));
      const { bytesRead } = await this.#handle.read(piece, 0, piece.length, position);
      if (bytesRead === 0) throw new ZipError(`${path} is cut off`);
      position += bytesRead;
      this.#packedBytes += bytesRead;
      this.#listeners.onPacked?.(this.#packedBytes);
      yield piece.subarray(0, bytesRead);
    }
  }
}

/** Names of a workbook's parts differ in more than capitals, and some programs of Windows write its slash. */
const keyOf = (path: string) => path.replaceAll("\\", "/").toLowerCase();

async function bytesAt(handle: FileHandle, start: number, byteCount: number): Promise<Buffer> {
  if (!Number.isSafeInteger(start)) throw new ZipError("it is cut off");
  const bytes = Buffer.alloc(byteCount);
  const { bytesRead } = await handle.read(bytes, 0, byteCount, start);
  if (bytesRead < byteCount) throw new ZipError("it is cut off");
  return bytes;
}

async function dataStart(handle: FileHandle, path: string, start: number): Promise<number> {
  const head = await bytesAt(handle, start, 30);
  if (head.readUInt32LE(0) !== headSignature) throw new ZipError(`${path} is not where the directory says`);
  return start + head.length + head.readUInt16LE(26) + head.readUInt16LE(28);
}

async function entriesOf(handle: FileHandle, byteCount: number): Promise<Map<string, Entry>> {
  const { start, bytes, count } = await directoryOf(handle, byteCount);
  if (bytes > maximumDirectoryBytes) throw new ZipError(`its directory has ${bytes} bytes`);
  const directory = await bytesAt(handle, start, bytes);
  const entries = new Map<string, Entry>();
  let at = 0;
  for (let number = 0; number < count; number++) {
    if (at + 46 > bytes || directory.readUInt32LE(at) !== entrySignature)
      throw new ZipError("its directory is damaged");
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((place) =>
      directory.readUInt16LE(at + place),
    );
    const nameEnd = at + 46 + (nameBytes ?? 0);
    const extraEnd = nameEnd + (extraBytes ?? 0);
    entries.set(
      keyOf(directory.toString("utf8", at + 46, nameEnd)),
      entryAt(directory, at, nameEnd, extraEnd),
    );
    at = extraEnd + (commentBytes ?? 0);
  }
  return entries;
}

function entryAt(directory: Buffer, at: number, nameEnd: number, extraEnd: number): Entry {
  const sizes = [24, 20, 42].map((place) => directory.readUInt32LE(at + place));
  const [, compressedBytes = 0, start = 0] = withLargeSizes(sizes, directory.subarray(nameEnd, extraEnd));
  return {
    method: directory.readUInt16LE(at + 10),
    isEncrypted: (directory.readUInt16LE(at + 8) & 1) === 1,
    checksum: directory.readUInt32LE(at + 16),
    compressedBytes,
    start,
  };
}

const large = 0xffffffff;

/** Those that do not fit stand in an extra field, one behind the other. */
function withLargeSizes(sizes: number[], extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let next = at + 4;
    return sizes.map((size) => {
      if (size !== large || next + 8 > extra.length) return size;
      next += 8;
      return Number(extra.readBigUInt64LE(next - 8));
    });
  }
  return sizes;
}

async function directoryOf(
  handle: FileHandle,
  byteCount: number,
): Promise<{ start: number; bytes: number; count: number }> {
  const tailBytes = Math.min(byteCount, endBytes + longestComment);
  const tail = await bytesAt(handle, byteCount - tailBytes, tailBytes);
  const last = tailBytes - endBytes;
  // its comment, which reaches to the end, may hold the same bytes; what was appended to the archive is no comment
  const isEnd = (place: number) => tail.readUInt32LE(place) === signatures.directoryEnd;
  const places = Array.from({ length: Math.max(0, last + 1) }, (_, back) => last - back).filter(isEnd);
  const endOf = (place: number) => place + endBytes + tail.readUInt16LE(place + 20);
  const at = places.find((place) => endOf(place) === tailBytes) ?? places[0] ?? -1;
  if (at < 0) throw new ZipError("it has no directory at its end");
  const [count, bytes, start] = [
    tail.readUInt16LE(at + 10),
    tail.readUInt32LE(at + 12),
    tail.readUInt32LE(at + 16),
  ];
  const isLarge = count === 0xffff || bytes === large || start === large;
  if (!isLarge || at < 20 || tail.readUInt32LE(at - 20) !== signatures.locator64)
    return { start, bytes, count };
  const end = await bytesAt(handle, Number(tail.readBigUInt64LE(at - 12)), 56);
  if (end.readUInt32LE(0) !== signatures.end64) throw new ZipError("its directory is not where it says");
  const [largeCount, largeBytes, largeStart] = [32, 40, 48].map((place) =>
    Number(end.readBigUInt64LE(place)),
  );
  return { start: largeStart ?? 0, bytes: largeBytes ?? 0, count: largeCount ?? 0 };
}
