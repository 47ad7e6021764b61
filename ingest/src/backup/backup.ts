/**
 * A backup, told from top to bottom: the rows of the database at one moment, then every object, which is all that those
 * rows can name and more. Loads and builds go on: they add objects, and change none. Collecting waits.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { stackBuckets, storePrefix } from "../buckets.ts";
import { connectCatalog } from "../catalog.ts";
import { exitCode, ReelhouseError } from "../errors.ts";
import { catalogRows } from "../maintain/survey.ts";
import { connectBucket } from "../objects/bucket.ts";
import { requireOwnBuckets } from "../recover/state.ts";
import type { Report } from "../report.ts";
import type { Settings, StoreUser } from "../settings.ts";
import { reelhouseVersion } from "../versions.ts";
import { type Copied, copyObjects } from "./copy.ts";
import { appliedMigrations, dumpCatalog } from "./dump.ts";
import type { Erased } from "./erased.ts";
import {
  beginBackup,
  catalogFile,
  finishBackup,
  type Manifest,
  nextName,
  objectsFile,
  type Place,
  sealOf,
} from "./folder.ts";
import { requireMetadata } from "./rows.ts";
import { SharedObjects } from "./shared.ts";

/** The stack's own buckets, with the key of one user. */
export const connectStackBuckets = ({ store, silenceMs }: Settings, user: StoreUser) =>
  new Map(
    Object.values(stackBuckets).map((bucket) => {
      const login = { bucket, endpoint: store.endpoint, region: store.region, ...store[user] };
      return [bucket, connectBucket({ ...login, store: undefined }, silenceMs)];
    }),
  );

export interface BackupTools {
  settings: Settings;
  report: Report;
  /** Aborted when the backup must stop: Ctrl-C, or the lock is lost that keeps objects from being collected. */
  signal: AbortSignal;
}

/** Writes one more backup into `place`. Until it is whole, it does not look like one. `erasedAt`: what it knows of. */
export async function writeBackup(
  { settings, report, signal }: BackupTools,
  place: Place,
  { erasedAt }: Pick<Erased, "erasedAt">,
): Promise<{ manifest: Manifest; copied: Copied }> {
  const shared = await SharedObjects.open(place);
  const folder = await beginBackup(place);
  try {
    const name = await nextName(place, new Date());
    report.progress("the database");
    const migrations = await appliedMigrations(settings);
    const { publication, rows } = await catalogState(settings);
    await dumpCatalog(settings, join(folder, catalogFile), { migrations, signal });
    const buckets = connectStackBuckets(settings, "backup");
    const copied = await copyObjects({ buckets, shared, folder, report, signal });
    await requireMetadata(folder, rows, report);
    const { count, totalBytes } = copied;
    const [catalog, objects] = await Promise.all([seal(folder, catalogFile), seal(folder, objectsFile)]);
    const manifest: Manifest = {
      ...{ format: 1, name, finishedAt: new Date().toISOString(), release: reelhouseVersion() },
      ...{ storePrefix, migrations, publication, erasedAt },
      ...{ catalog, objects: { ...objects, count, totalBytes } },
    };
    signal.throwIfAborted();
    await finishBackup(place, manifest);
    return { manifest, copied };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw faultOfBackup(place, error);
  }
}

/** What broke a backup, as its caller can mend it: of all disks, that of the backups is the first to be full. */
export function faultOfBackup({ hostPath }: Place, error: unknown): unknown {
  if (!isDiskFull(error)) return error;
  return new ReelhouseError(`backup ${hostPath}: no space left for it`, exitCode.failed, {
    next: "make room there and run again, which goes on with what was copied; or --keep fewer",
    cause: error,
  });
}

function isDiskFull(error: unknown): boolean {
  const { code, cause } = error as { code?: string; cause?: unknown };
  return code === "ENOSPC" || code === "EDQUOT" || (cause !== undefined && isDiskFull(cause));
}

async function seal(folder: string, file: string) {
  const { sha256, byteCount } = await sealOf(join(folder, file));
  return { sha256, byteCount };
}

/** What at least is in the backup: its newest publication is for whoever looks for one. */
async function catalogState(settings: Settings) {
  const backup = await connectCatalog(settings, "backup");
  try {
    await requireOwnBuckets(backup);
    const newest = await backup.query("select max(id) as id from branch.publication");
    return { publication: newest.rows[0].id as number | null, rows: await catalogRows(backup) };
  } finally {
    await backup.end();
  }
}
