/** What comes out of a workbook: its directory and the heads of its files may say anything. */
import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { type Entry, Parse } from "unzipper-esm";

/**
 * Whether a zip archive has more than `maximumBytes` of XML: its bytes are unpacked and counted, and none is kept. It is
 * read by what unpacks it for read-excel-file, so both see the same files; that library reserves what a file's head
 * claims, so claims count, too. What is no archive is none too large: whoever unpacks it for good will tell.
 */
export function expandsBeyond(handle: FileHandle, maximumBytes: number): Promise<boolean> {
  const content = Readable.from(piecesOf(handle));
  const parser = Parse();
  const answer = Promise.withResolvers<boolean>();
  const totals = { claimed: 0, counted: 0 };
  const add = (kind: keyof typeof totals, bytes: number) => {
    totals[kind] += bytes;
    if (totals[kind] > maximumBytes) answer.resolve(true);
  };
  const noneTooLarge = () => answer.resolve(false);
  parser.on("entry", (entry: Entry) => {
    entry.on("error", noneTooLarge);
    // All that read-excel-file unpacks.
    if (!/\.xml(\.rels)?$/.test(entry.path)) return void entry.autodrain().on("error", noneTooLarge);
    add("claimed", claimedBytes(entry));
    entry.on("data", (chunk: Buffer) => add("counted", chunk.length));
  });
  parser.on("error", noneTooLarge).on("finish", noneTooLarge);
  content.on("error", answer.reject).pipe(parser);
  return answer.promise.finally(() => {
    content.destroy();
    parser.destroy();
  });
}

/** A file that was packed as a stream has its size behind it. */
function claimedBytes({ vars }: Entry): number {
  const { flags, compressedSize, uncompressedSize } = vars as typeof vars & { uncompressedSize: number };
  return flags & 0x08 && compressedSize === 0 ? 0 : uncompressedSize;
}

const pieceBytes = 65_536;

/** A stream of the handle's own would close it when it is ended early. */
async function* piecesOf(handle: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ; ) {
    const piece = Buffer.alloc(pieceBytes);
    const { bytesRead } = await handle.read(piece, 0, pieceBytes, position);
    if (bytesRead === 0) return;
    yield piece.subarray(0, bytesRead);
    position += bytesRead;
  }
}
