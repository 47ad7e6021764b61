import { glob, readdir, stat } from "node:fs/promises";
import { dirname, extname, isAbsolute, join, matchesGlob, normalize, relative, resolve } from "node:path";
import type { Pipeline, Source } from "../config.ts";
import { inputError, type ReelhouseError, usageError } from "../errors.ts";
import { endingsOf } from "../read/formats.ts";
import { unreadable } from "../read/open.ts";
import type { SourceFile } from "../read/record.ts";

/** One path of a source, on the host. */
export interface LocalPath {
  readonly kind: "local";
  /** Absolute; a file, a folder or a glob. */
  readonly path: string;
  /** Absolute; what a container must see: the folder of a file or of a glob's first part, or `path`. */
  readonly folder: string;
}

/** One path of a source, on an S3 store. */
export interface ObjectPath {
  readonly kind: "s3";
  /** `s3://bucket/key`, as it is written; an object, a folder or a glob. */
  readonly path: string;
  readonly bucket: string;
  /** What follows the bucket; "" is the bucket's own folder. */
  readonly key: string;
}

export type SourcePath = LocalPath | ObjectPath;

export interface Mount {
  /** Absolute, on the host. */
  path: string;
  mode: "ro" | "rw";
}

const globSign = /[*?[\]{}]|[!+@]\(/;

export function hasGlob(path: string): boolean {
  return globSign.test(path);
}

/** Where the first sign of a glob stands; a backslash takes the next sign's meaning, so it ends what is literal too. */
export function literalPart(path: string): string {
  const end = path.search(new RegExp(`${globSign.source}|\\\\`));
  return end < 0 ? path : path.slice(0, end);
}

/** `written` as `pipeline.yaml` has it; the base folder's own name is never a glob. */
export function sourcePath(written: string, baseFolder: string): LocalPath {
  const segments = normalize(written).split("/");
  const firstGlob = segments.findIndex(hasGlob);
  if (firstGlob < 0) {
    const path = resolve(baseFolder, written);
    // a file is seen through its folder, so that a missing one can be told from a missing folder
    const isFile = extname(path) !== "" && dirname(path) !== "/";
    return { kind: "local", path, folder: isFile ? dirname(path) : path };
  }
  const start = isAbsolute(written) ? "/" : baseFolder;
  const folder = resolve(start, ...segments.slice(0, firstGlob).filter(Boolean));
  return { kind: "local", path: join(folder, ...segments.slice(firstGlob)), folder };
}

export const localPaths = ({ paths }: Pick<Source, "paths">): LocalPath[] =>
  paths.filter((path) => path.kind === "local");

/**
 * The local files of a source: path by path as configured, those of a glob or a folder by name. `hostRoot` is where
 * this process sees the host's `/`. Throws an `inputError` (exit 3) if a path leads to no file.
 */
export async function expandPaths(source: Source, hostRoot: string): Promise<SourceFile[]> {
  const files = new Map<string, SourceFile>();
  for (const path of localPaths(source)) {
    for (const file of await expandPath(path, source, hostRoot)) files.set(file.hostPath, file);
  }
  return [...files.values()];
}

/** The files of one path, by name. Throws an `inputError` (exit 3) if it leads to none. */
export async function expandPath(path: LocalPath, source: Source, hostRoot: string): Promise<SourceFile[]> {
  const found = await expandOnHost(path, source, hostRoot);
  return found.map((hostPath) => ({ hostPath, path: hostRoot + hostPath }));
}

async function expandOnHost(
  { path, folder }: LocalPath,
  source: Source,
  hostRoot: string,
): Promise<string[]> {
  const kind = await kindOf(path, hostRoot);
  if (kind === "file") return [path];
  const isGlob = kind === "missing" && path !== folder && hasGlob(relative(folder, path));
  if (kind === "missing" && !isGlob) throw unreadable(path, { code: "ENOENT" });
  const found = isGlob ? await globbed(path, folder, hostRoot) : await listed(path, source, hostRoot);
  if (found.length > 0) return found.sort();
  throw noFileFound(path, source, isGlob ? "glob" : "folder");
}

/** The `inputError` for a glob or a folder without a file. */
export function noFileFound(path: string, source: Source, kind: "glob" | "folder"): ReelhouseError {
  const endings = endingsOf(source.format ?? source.usualFormat).join(" or *.");
  return inputError(`no file found for source ${source.name}`, {
    file: path,
    expected: kind === "glob" ? "a file that fits the glob" : `files *.${endings} in the folder`,
    next: "check the path in pipeline.yaml, or deliver the file",
  });
}

/** "file" stands for everything but a folder: the reader says what it cannot read. */
async function kindOf(path: string, hostRoot: string): Promise<"file" | "folder" | "missing"> {
  try {
    return (await stat(hostRoot + path)).isDirectory() ? "folder" : "file";
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return "missing";
    throw unreadable(path, cause);
  }
}

async function globbed(path: string, folder: string, hostRoot: string): Promise<string[]> {
  const names = await Array.fromAsync(glob(relative(folder, path), { cwd: hostRoot + folder }));
  return withoutFolders(folder, names, hostRoot);
}

async function listed(path: string, source: Source, hostRoot: string): Promise<string[]> {
  const names = await readdir(hostRoot + path).catch((cause) => {
    throw unreadable(path, cause);
  });
  return withoutFolders(path, names.filter(wantedIn(source)), hostRoot);
}

/** Whether a file of a folder is one of the source's, by its name; compressed ones too: `critics.csv.gz`. */
export function wantedIn({ format, usualFormat }: Source): (name: string) => boolean {
  const ending = new RegExp(`\\.(${endingsOf(format ?? usualFormat).join("|")})(\\.(gz|zst))?$`, "i");
  return (name) => !name.startsWith(".") && ending.test(name);
}

/** A link that leads nowhere stays: its delivery must be refused, not overlooked. */
async function withoutFolders(folder: string, names: readonly string[], hostRoot: string): Promise<string[]> {
  const paths = names.map((name) => join(folder, name));
  const kinds = await Promise.all(paths.map((path) => kindOf(path, hostRoot)));
  return paths.filter((_, index) => kinds[index] !== "folder");
}

export const isGlob = ({ path, folder }: LocalPath): boolean =>
  path !== folder && hasGlob(relative(folder, path));

/** Whether a CSV file that appears in `folder` would be taken for a delivery of the glob `path`. */
export const mayMatch = (path: string, folder: string): boolean =>
  matchesGlob(folder, dirname(path)) || matchesGlob(join(folder, "table.csv"), path);

/**
 * Throws a usage error when a folder of `output` is one that files of a source lie in, under whatever name: what is
 * exported would overwrite deliveries, and be taken for some.
 */
export async function refuseSharedFolders({ sources, output }: Pipeline, hostRoot: string): Promise<void> {
  const identity = async (path: string) => {
    const { dev, ino } = await stat(hostRoot + path);
    return `${dev}/${ino}`;
  };
  const owners = new Map<string, string>();
  for (const source of sources) {
    const files = await expandPaths(source, hostRoot).catch(() => []);
    for (const folder of new Set(files.map(({ hostPath }) => dirname(hostPath)))) {
      owners.set(await identity(folder), source.name);
    }
  }
  for (const folder of Object.values(output)) {
    const owner = owners.get(await identity(folder).catch(() => ""));
    if (owner) {
      const next = "name another folder under 'output'";
      throw usageError(
        `output: ${folder}: expected a folder of its own, found that of ${owner}'s files`,
        next,
      );
    }
  }
}

/** The host's folders that a container needs to see; a folder inside another of the same mode is left out. */
export function mountsOf(pipeline: Pipeline): Mount[] {
  const folders = pipeline.sources.flatMap((source) => localPaths(source).map(({ folder }) => folder));
  return [...outermost(folders, "ro"), ...outermost(Object.values(pipeline.output), "rw")];
}

function outermost(paths: readonly string[], mode: Mount["mode"]): Mount[] {
  const isInside = (path: string) => paths.some((other) => path.startsWith(`${other}/`));
  return [...new Set(paths)].filter((path) => !isInside(path)).map((path) => ({ path, mode }));
}
