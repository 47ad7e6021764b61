import { type FileHandle, open, stat } from "node:fs/promises";
import { inputError, type ReelhouseError } from "../errors.ts";
import type { SourceFile } from "./record.ts";

/** First bytes of files that are no text, and what to do about them. */
const binaryFormats: { name: string; bytes: number[]; next: string }[] = [
  {
    name: "zip or Excel",
    bytes: [0x50, 0x4b, 0x03, 0x04],
    next: "unzip it; if it is Excel, say so in pipeline.yaml: format: xlsx",
  },
  { name: "old Excel", bytes: [0xd0, 0xcf, 0x11, 0xe0], next: "save it as .xlsx or as CSV" },
  { name: "xz", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a], next: "decompress it first: unxz FILE" },
  { name: "bzip2", bytes: [0x42, 0x5a, 0x68, 0x39, 0x31, 0x41], next: "decompress it first: bunzip2 FILE" },
  { name: "Parquet", bytes: [0x50, 0x41, 0x52, 0x31], next: "say so in pipeline.yaml: format: parquet" },
  { name: "PDF", bytes: [0x25, 0x50, 0x44, 0x46, 0x2d], next: "ask the provider for CSV or JSON" },
];

/**
 * Opens a file; the caller closes the handle. Throws an `inputError` for a file that is missing, unreadable, no
 * file or empty.
 */
export async function openFile(file: SourceFile): Promise<{ handle: FileHandle; byteCount: number }> {
  try {
    // stat first: opening a pipe would wait for a writer
    const status = await stat(file.path);
    if (!status.isFile())
      throw Object.assign(new Error("not a file"), { code: status.isDirectory() ? "EISDIR" : "ENOTFILE" });
    if (status.size === 0) throw emptyFile(file);
    return { handle: await open(file.path), byteCount: status.size };
  } catch (cause) {
    throw (cause as Error).name === "ReelhouseError" ? cause : unreadable(file.hostPath, cause);
  }
}

/** The `inputError` for a file without a byte. */
export function emptyFile(file: SourceFile): ReelhouseError {
  const next = "deliver the file again; without records it still has a CSV header or is []";
  return inputError("empty, 0 bytes", { file: file.hostPath, expected: "records", next });
}

const answers: Record<string, { message: string; next: string }> = {
  ENOENT: { message: "no such file", next: "check the path in pipeline.yaml, and where a link points to" },
  EACCES: { message: "permission denied", next: "make it readable: chmod a+r FILE" },
  ELOOP: { message: "links that lead to each other", next: "let the link point to a file" },
  EISDIR: { message: "a folder", next: "name a file in it, or the folder itself in pipeline.yaml" },
  ENOTFILE: { message: "a pipe or a device", next: "copy its content to a file: it is read more than once" },
};

/** The `inputError` for a path that the file system refuses. */
export function unreadable(hostPath: string, cause: unknown): ReelhouseError {
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  const answer = answers[code] ?? { message: `cannot be read, ${code}`, next: "check the file and its disk" };
  return inputError(answer.message, {
    file: hostPath,
    expected: "a readable file",
    next: answer.next,
    cause,
  });
}

/** The `inputError` for a file whose second reading does not fit the first. */
export function changedWhileRead(file: SourceFile, found: string): ReelhouseError {
  return inputError(`has changed while it was read, ${found}`, {
    file: file.hostPath,
    expected: "a complete file that stays as it is",
    next: "write a delivery under another name, rename it when it is complete, then run again",
  });
}

/** Throws an `inputError` if `head`, the first bytes of what should be text, are those of a binary format. */
export function refuseBinary(file: SourceFile, head: Buffer): void {
  const found = binaryFormats.find(({ bytes }) => head.subarray(0, bytes.length).equals(Buffer.from(bytes)));
  if (found === undefined) return;
  throw inputError(`${found.name} data`, {
    file: file.hostPath,
    line: 1,
    expected: "CSV or JSON as text",
    next: found.next,
  });
}
