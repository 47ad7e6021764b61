/** Writes several files, all of them or none. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { exitCode, ReelhouseError, usageError } from "../errors.ts";

export interface PlannedFile {
  /** Absolute, as this process sees it. */
  readonly path: string;
  /** The same for the user. */
  readonly hostPath: string;
  readonly text: string;
  /** What stands there now and is replaced; without it, nothing may be there. */
  readonly replaces?: string;
}

/** Throws a usage error (exit 2) that names every file which would be overwritten. */
export function refuseExisting(files: readonly PlannedFile[]): void {
  const existing = files.filter(({ path, replaces }) => replaces === undefined && existsSync(path));
  if (existing.length === 0) return;
  throw usageError(
    `exists already: ${existing.map(({ hostPath }) => hostPath).join(", ")}; nothing was written`,
    "give another name with --name, or remove what is left of the source",
  );
}

/**
 * Each file is written under a passing name beside its place first, so that a full disk or a missing right is met
 * before anything has changed. Files get their names in the given order: the one that makes the others count is last.
 */
export function writeAll(files: readonly PlannedFile[]): void {
  refuseExisting(files);
  const undo: (() => void)[] = [];
  try {
    const written = files.map((file) => ({ file, passing: writePassing(file, undo) }));
    for (const { file, passing } of written) takePlace(file, passing, undo);
  } catch (cause) {
    for (const step of undo.reverse()) step();
    throw cause instanceof ReelhouseError ? cause : notWritten(cause as NodeJS.ErrnoException);
  }
}

function writePassing({ path, text, replaces }: PlannedFile, undo: (() => void)[]): string {
  const folder = dirname(path);
  const made = mkdirSync(folder, { recursive: true });
  if (made !== undefined) undo.push(() => rmdirSync(folder));
  const passing = join(folder, `.${basename(path)}.${process.pid}.new`);
  undo.push(() => rmSync(passing, { force: true }));
  writeFileSync(passing, text, { flag: "wx" });
  if (replaces !== undefined) chmodSync(passing, statSync(path).mode & 0o777);
  return passing;
}

function takePlace({ path, hostPath, replaces }: PlannedFile, passing: string, undo: (() => void)[]): void {
  if (replaces !== undefined && readFileSync(path, "utf8") !== replaces) {
    throw usageError(`${hostPath}: has changed meanwhile; nothing was written`, "run the command again");
  }
  renameSync(passing, path);
  undo.push(() => (replaces === undefined ? rmSync(path) : writeFileSync(path, replaces)));
}

const notWritten = (cause: NodeJS.ErrnoException) =>
  new ReelhouseError(
    `write ${cause.path ?? "files"}: ${cause.code ?? cause.message}; nothing was written`,
    exitCode.failed,
    {
      next: "check who may write there, and that the disk is not full",
      cause,
    },
  );
