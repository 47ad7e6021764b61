/** Files that are read while they are written anew. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

/** A reader sees the old file or the new one, never half of one; an unchanged file is left alone. */
export function writeAtomically(
  file: string,
  content: string,
  { mode, owner }: { mode: number; owner?: number },
): void {
  mkdirSync(dirname(file), { recursive: true });
  if (existsSync(file) && readFileSync(file, "utf8") === content) return;
  const draft = `${file}.new`;
  writeFileSync(draft, content, { mode });
  chmodSync(draft, mode);
  if (owner !== undefined) chownSync(draft, owner, owner);
  renameSync(draft, file);
}
