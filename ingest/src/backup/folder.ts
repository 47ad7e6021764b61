/**
 * A folder of backups: `objects`, which they share, and one folder for each of them, which gets its name when it is
 * whole. What is unfinished has another name, and the next backup begins with its removal.
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { exitCode, ReelhouseError, usageError } from "../errors.ts";

/** One line of `objects.ndjson`. */
export interface SavedObject {
  bucket: string;
  key: string;
  byteCount: number;
  etag: string;
  modifiedAt: string;
  sha256: string;
}

/** Proof that a file is what it was. */
export interface Seal {
  sha256: string;
  byteCount: number;
}

/** `manifest.json` of a backup. */
export interface Manifest {
  format: 1;
  /** Its folder: the time of the database's state, such as 20261127T180500123Z; after that of the backup before it. */
  name: string;
  finishedAt: string;
  /** Version of the program that wrote it. */
  release: string;
  /** What the names of its buckets begin with; backups of earlier releases have none, as their buckets. */
  storePrefix?: string;
  /** Of the database, in their order. */
  migrations: Migration[];
  publication: number | null;
  /** The newest erasure, all of which is done; null or, of an earlier release, undefined: see erased.ts. */
  erasedAt?: string | null | undefined;
  catalog: Seal;
  objects: Seal & { count: number; totalBytes: number };
}

export interface Migration {
  name: string;
  sha256: string;
}

export const catalogFile = "catalog.sql.gz";
export const objectsFile = "objects.ndjson";
const manifestFile = "manifest.json";
const unfinishedName = "unfinished";
const backupName = /^\d{8}T\d{9}Z$/;

/** As the user knows it, and as this process sees it. */
export interface Place {
  hostPath: string;
  path: string;
}

const nameOf = (time: Date) => time.toISOString().replace(/[-:.]/g, "");

const timeOf = (name: string) =>
  new Date(name.replace(/(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\d)(\d{3}Z)/, "$1-$2-$3:$4:$5.$6"));

/** An empty folder for the backup to come, in the place of what an interrupted one has left. */
export async function beginBackup({ path }: Place): Promise<string> {
  const folder = join(path, unfinishedName);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

/** From here on it is a backup. Everything of it was written before. */
export async function finishBackup({ path }: Place, manifest: Manifest): Promise<void> {
  const folder = join(path, unfinishedName);
  await writeFile(join(folder, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
  await syncFolder(folder);
  await rename(folder, join(path, manifest.name));
  await syncFolder(path);
}

/** Without it, a name may be lost with the power of the machine, though its file is on the disk. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path);
  await handle.sync();
  await handle.close();
}

/** The names of all backups, oldest first. */
export async function backupNames({ path }: Place): Promise<string[]> {
  const names = existsSync(path) ? await readdir(path) : [];
  return names.filter((name) => backupName.test(name)).sort();
}

/**
 * The name of the backup to come. A clock that was set back must not put it before the last one: the newest by name is
 * what is restored, and what stays.
 */
export async function nextName(place: Place, now: Date): Promise<string> {
  const newest = (await backupNames(place)).at(-1);
  const earliestMs = newest === undefined ? 0 : timeOf(newest).getTime() + 1;
  return nameOf(new Date(Math.max(now.getTime(), earliestMs)));
}

/** `name`: which one; the newest by default. Throws exit 2 when there is none, exit 3 for a manifest that is none. */
export async function openBackup(place: Place, name?: string): Promise<Manifest & { folder: string }> {
  const names = await backupNames(place);
  const wanted = name ?? names.at(-1);
  if (wanted === undefined)
    throw usageError(`${place.hostPath}: there is no backup`, "name the folder that reelhouse backup wrote");
  if (!names.includes(wanted))
    throw usageError(`${place.hostPath}: there is no backup ${wanted}`, `there are: ${names.join(", ")}`);
  const folder = join(place.path, wanted);
  return { ...(await readManifest(folder, `${place.hostPath}/${wanted}`)), folder };
}

async function readManifest(folder: string, hostPath: string): Promise<Manifest> {
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(await readFile(join(folder, manifestFile), "utf8"));
  } catch (cause) {
    throw damaged(`${hostPath}/${manifestFile}`, (cause as Error).message, cause);
  }
  if (manifest.format !== 1) throw damaged(`${hostPath}/${manifestFile}`, "it has another format");
  return manifest as Manifest;
}

/** Exit 3. `file`: as the user knows it. */
export const damaged = (file: string, found: string, cause?: unknown) =>
  new ReelhouseError(`${file}: the backup is damaged: ${found}`, exitCode.inputRefused, {
    next: "restore another one, or this one from a copy of its folder",
    cause,
  });

const chunkBytes = 1_048_576;

/** Reads a file once: its size, its hash and that of S3, and makes sure that it is on the disk. */
export async function sealOf(path: string): Promise<Seal & { md5: string }> {
  const sha256 = createHash("sha256");
  const md5 = createHash("md5");
  let byteCount = 0;
  const handle = await open(path);
  try {
    const content = handle.createReadStream({ highWaterMark: chunkBytes, autoClose: false });
    for await (const chunk of content) {
      sha256.update(chunk);
      md5.update(chunk);
      byteCount += chunk.length;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { sha256: sha256.digest("hex"), md5: md5.digest("hex"), byteCount };
}

/** Throws exit 3 unless the file is what its seal says. */
export async function requireSealed(place: Place, { sha256, byteCount }: Seal): Promise<void> {
  const found = await sealOf(place.path).catch((cause) => {
    throw damaged(place.hostPath, cause.message, cause);
  });
  if (found.sha256 === sha256) return;
  throw damaged(place.hostPath, `${found.byteCount} bytes with another hash, expected ${byteCount}`);
}

/** The objects of a backup, one by one: there may be more than memory holds. */
export async function* savedObjects(folder: string): AsyncGenerator<SavedObject> {
  for await (const line of createInterface({ input: createReadStream(join(folder, objectsFile)) }))
    yield JSON.parse(line);
}
