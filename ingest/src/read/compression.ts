/** gzip and zstd, told by their first bytes, as a stream of what they hold. */
import type { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { inputError } from "../errors.ts";
import type { SourceFile } from "./record.ts";

const isGzip = (head: Buffer) => head[0] === 0x1f && head[1] === 0x8b;
/** A frame of data, or one to be skipped, which may come first. */
function isZstd(head: Buffer): boolean {
  if (head.length < 4) return false;
  const magic = head.readUInt32LE();
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50;
}

const kinds = [
  { name: "gzip", isOf: isGzip, create: createGunzip },
  { name: "zstd", isOf: isZstd, create: createZstdDecompress },
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
  return kinds.find(({ isOf }) => isOf(head));
}

/** Throws an `inputError` when a file holds more than it may. `name`: of what is in it. */
export function checkExpansion(
  file: SourceFile,
  name: string,
  bytes: number,
  { compressedBytes, expansion = defaultExpansion, allowedBytes = alwaysAllowedBytes }: ExpansionLimits,
): void {
  const limitBytes = Math.max(allowedBytes, expansion * compressedBytes);
  if (bytes <= limitBytes) return;
  throw inputError(`${name} data holds more than ${limitBytes} bytes`, {
    file: file.hostPath,
    expected: `at most ${expansion} times the file's size`,
    next: "if that is what the provider delivers, allow it in pipeline.yaml with max_expansion",
  });
}

/**
 * What a compressed file of `compressedBytes` holds; `open` reads it from a position on. Throws an `inputError` if it is
 * cut off or damaged (after what could be read of it), or as soon as it holds more than `expansion` times its size.
 */
export async function* decompressed(
  file: SourceFile,
  { name, create }: Compression,
  open: (position: number) => Readable,
  limits: ExpansionLimits,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  try {
    // Node's zstd stops behind a frame without a word, and a file is any number of them.
    for (let position = 0; position < limits.compressedBytes; ) {
      const part = partOf(open(position), create);
      for await (const chunk of part) {
        bytes += chunk.length;
        checkExpansion(file, name, bytes, limits);
        yield chunk;
      }
      position += part.bytesWritten;
      // Node stops at zeros behind a gzip member; as for gzip, they are padding if nothing else follows.
      if (name === "gzip" && (await isPadding(open(position)))) return;
      if (part.bytesWritten === 0) throw damage("no further data");
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

/** The decompressor of what begins at the source; it takes no byte behind its end, and the source's errors are its own. */
function partOf(source: Readable, create: Compression["create"]): ReturnType<Compression["create"]> {
  const output = create({ chunkSize: 1_048_576 });
  source.on("error", (error) => output.destroy(error));
  // What is still on its way when the part has ended, or nobody wants more of it, is of no interest, nor is its failure.
  output.on("error", () => {});
  const stop = () => {
    source.unpipe(output);
    source.destroy();
  };
  output.once("end", stop).once("close", stop);
  source.pipe(output);
  return output;
}

async function isPadding(rest: Readable): Promise<boolean> {
  for await (const chunk of rest) if ((chunk as Buffer).some((byte) => byte !== 0)) return false;
  return true;
}

const damage = (message: string) => Object.assign(new Error(message), { code: "Z_DATA_ERROR" });

/** zlib's own errors, not those of the disk. */
function isDamage(cause: unknown): boolean {
  const code = String((cause as NodeJS.ErrnoException).code ?? "");
  return /^(Z_|ZSTD_|ERR_ZLIB|ERR_OUT_OF_RANGE)/.test(code);
}
