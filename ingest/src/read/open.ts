import { type FileHandle, open, stat } from "node:fs/promises";
import { inputError, type ReelhouseError } from "../errors.ts";
import type { SourceFile } from "./record.ts";

const convert = "convert it first: iconv -f utf-16 -t utf-8 FILE > CONVERTED";
const utf8Mark = Buffer.from([0xef, 0xbb, 0xbf]);

/** First bytes of files that people deliver by mistake. */
const binaryFormats: { name: string; bytes: number[]; next: string }[] = [
  { name: "gzip", bytes: [0x1f, 0x8b], next: "decompress it first: gunzip FILE" },
  { name: "zip or Excel", bytes: [0x50, 0x4b, 0x03, 0x04], next: "unzip it, or save the sheet as CSV UTF-8" },
  { name: "old Excel", bytes: [0xd0, 0xcf, 0x11, 0xe0], next: "save the sheet as CSV UTF-8" },
  { name: "Zstandard", bytes: [0x28, 0xb5, 0x2f, 0xfd], next: "decompress it first: unzstd FILE" },
  { name: "xz", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a], next: "decompress it first: unxz FILE" },
  { name: "bzip2", bytes: [0x42, 0x5a, 0x68, 0x39, 0x31, 0x41], next: "decompress it first: bunzip2 FILE" },
  { name: "Parquet", bytes: [0x50, 0x41, 0x52, 0x31], next: "export it as CSV or JSON" },
  { name: "PDF", bytes: [0x25, 0x50, 0x44, 0x46, 0x2d], next: "ask the provider for CSV or JSON" },
  { name: "UTF-16", bytes: [0xff, 0xfe], next: convert },
  { name: "UTF-16", bytes: [0xfe, 0xff], next: convert },
];

/**
 * Opens a text file; `start` is the offset behind a UTF-8 byte order mark. The caller closes the handle.
 * Throws an `inputError` for a file that is missing, unreadable, no file, empty or of a known binary format.
 */
export async function openText(file: SourceFile): Promise<{ handle: FileHandle; start: number }> {
  const handle = await openFile(file);
  try {
    const head = Buffer.alloc(8);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    refuseBinary(file, head.subarray(0, bytesRead));
    return { handle, start: head.subarray(0, utf8Mark.length).equals(utf8Mark) ? utf8Mark.length : 0 };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openFile(file: SourceFile): Promise<FileHandle> {
  try {
    // stat first: opening a pipe would wait for a writer
    const status = await stat(file.path);
    if (status.isFile()) return await open(file.path);
    throw Object.assign(new Error("not a file"), { code: status.isDirectory() ? "EISDIR" : "ENOTFILE" });
  } catch (cause) {
    throw unreadable(file.hostPath, cause);
  }
}

const answers: Record<string, { message: string; next: string }> = {
  ENOENT: { message: "no such file", next: "check the path in pipeline.yaml, and where a link points to" },
  EACCES: { message: "permission denied", next: "make it readable: chmod a+r FILE" },
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

function refuseBinary(file: SourceFile, head: Buffer): void {
  if (head.length === 0) {
    const next = "deliver the file again; without records it still has a CSV header or is []";
    throw inputError("empty, 0 bytes", { file: file.hostPath, expected: "CSV or JSON text", next });
  }
  const found = binaryFormats.find(({ bytes }) => head.subarray(0, bytes.length).equals(Buffer.from(bytes)));
  if (found === undefined) return;
  const { name, next } = found;
  throw inputError(`${name} data`, {
    file: file.hostPath,
    line: 1,
    expected: "CSV or JSON as UTF-8 text",
    next,
  });
}
