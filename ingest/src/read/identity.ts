/** What a file is: the hash of its bytes, and whether it is still the file that was hashed. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { inputError } from "../errors.ts";
import { unreadable } from "./open.ts";
import type { SourceFile } from "./record.ts";

const chunkBytes = 1_048_576;

/** The content hash (sha256, hex) and the size in bytes. What `onBytes` throws, which hears how far it is, ends it. */
export async function hashFile(
  file: SourceFile,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<{ contentHash: string; byteCount: number }> {
  const hash = createHash("sha256");
  let byteCount = 0;
  // Large chunks: the hash itself takes less time than the way of small ones to it.
  const chunks = createReadStream(file.path, { highWaterMark: chunkBytes });
  for await (const chunk of readable(file, chunks)) {
    hash.update(chunk);
    byteCount += chunk.length;
    onBytes(byteCount);
  }
  return { contentHash: hash.digest("hex"), byteCount };
}

async function* readable(file: SourceFile, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (cause) {
    throw unreadable(file.hostPath, cause);
  }
}

/**
 * Remembers the file as it is now. The answer throws an input error when it is no longer so: columns, hash and rows
 * come from separate readings, and a provider may still be writing.
 */
export async function watchFile(file: SourceFile): Promise<() => Promise<void>> {
  const identity = async () => {
    const { size, mtimeNs, ino } = await stat(file.path, { bigint: true }).catch((cause) => {
      throw unreadable(file.hostPath, cause);
    });
    return `${ino}/${size}/${mtimeNs}`;
  };
  const before = await identity();
  return async () => {
    if ((await identity()) === before) return;
    throw inputError("changed while it was read", {
      file: file.hostPath,
      expected: "a complete file",
      next: "run again when the provider has finished writing it",
    });
  };
}
