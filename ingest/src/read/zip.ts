import type { FileHandle } from "node:fs/promises";

/** The end record with its longest comment. */
const longestEnd = 65_557;
const endSignature = Buffer.from("PK\u0005\u0006");
const entrySignature = 0x02014b50;

/** What all files of a zip archive say they need when unpacked; 0 if it is none: whoever unpacks it will tell. */
export async function expandedBytes(handle: FileHandle, byteCount: number): Promise<number> {
  const tail = await bytesAt(handle, Math.max(0, byteCount - longestEnd), Math.min(byteCount, longestEnd));
  const end = tail.lastIndexOf(endSignature);
  if (end < 0 || end + 20 > tail.length) return 0;
  const directory = await bytesAt(handle, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
  let total = 0;
  for (let at = 0; at + 46 <= directory.length && directory.readUInt32LE(at) === entrySignature; ) {
    total += directory.readUInt32LE(at + 24);
    const names = [28, 30, 32].map((offset) => directory.readUInt16LE(at + offset));
    at += names.reduce((sum, length) => sum + length, 46);
  }
  return total;
}

async function bytesAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.min(length, 16_777_216));
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
  return buffer.subarray(0, bytesRead);
}
