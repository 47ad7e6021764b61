/** gzip and zstd, told by their first bytes, as a stream of what they hold. */
import type { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { inputError } from "../errors.ts";
import type { SourceFile } from "./record.ts";

const kinds = [
  { name: "gzip", magic: Buffer.from([0x1f, 0x8b]), create: createGunzip },
  { name: "zstd", magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), create: createZstdDecompress },
] as const;
export type Compression = (typeof kinds)[number];

const defaultExpansion = 200;
/** A small file may hold any multiple of its size up to here. */
const alwaysAllowedBytes = 1_000_000_000;

export interface ExpansionLimits {
  readonly compressedBytes: number;
  readonly expansion?: number | undefined;
  readonly allowedBytes?: number;
}

export function compressionOf(head: Buffer): Compression | undefined {
  return kinds.find(({ magic }) => head.subarray(0, magic.length).equals(magic));
}

/**
 * What the compressed `source` holds. Throws an `inputError` if they are cut off or damaged (after what could be
 * read of them), or as soon as they grow beyond `expansion` times `compressedBytes`.
 */
export async function* decompressed(
  file: SourceFile,
  { name, create }: Compression,
  source: Readable,
  { compressedBytes, expansion = defaultExpansion, allowedBytes = alwaysAllowedBytes }: ExpansionLimits,
): AsyncGenerator<Buffer> {
  const limitBytes = Math.max(allowedBytes, expansion * compressedBytes);
  let bytes = 0;
  try {
    // Errors of the file reach the decompressor, and through it this loop.
    const output = source.pipe(create({ chunkSize: 1_048_576 }));
    source.on("error", (error) => output.destroy(error));
    for await (const chunk of output) {
      bytes += chunk.length;
      if (bytes > limitBytes) throw expansionError(file, name, limitBytes, expansion);
      yield chunk;
    }
  } catch (cause) {
    if (!isDamage(cause)) throw cause;
    throw inputError(`${name} data is cut off or damaged, ${(cause as Error).message}`, {
      file: file.hostPath,
      expected: `a complete ${name} file`,
      next: "deliver the file again; nothing of it was loaded",
      cause,
    });
  }
}

/** zlib's own errors, not those of the disk. */
function isDamage(cause: unknown): boolean {
  const code = String((cause as NodeJS.ErrnoException).code ?? "");
  return /^(Z_|ZSTD_|ERR_ZLIB|ERR_OUT_OF_RANGE)/.test(code);
}

function expansionError(file: SourceFile, name: string, limitBytes: number, expansion: number) {
  return inputError(`${name} data holds more than ${limitBytes} bytes`, {
    file: file.hostPath,
    expected: `at most ${expansion} times the file's size`,
    next: "if that is what the provider delivers, allow it in pipeline.yaml with max_expansion",
  });
}
