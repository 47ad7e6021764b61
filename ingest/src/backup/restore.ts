/**
 * A restore, told from top to bottom: everything that can be refused is looked at first, then the objects go back, and at
 * last the rows, by which the objects begin to count. The rows are the catalog's own business: see catalog/restore.sh.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Background } from "../background.ts";
import { setPrefix, stackBuckets, storePrefix } from "../buckets.ts";
import { connectCatalog } from "../catalog.ts";
import { exitCode, ReelhouseError, usageError } from "../errors.ts";
import type { Bucket, ListedObject } from "../objects/bucket.ts";
import { byteText } from "../progress.ts";
import type { Settings } from "../settings.ts";
import { type BackupTools, connectStackBuckets } from "./backup.ts";
import { appliedMigrations } from "./dump.ts";
import {
  catalogFile,
  damaged,
  type Manifest,
  type Migration,
  objectsFile,
  type Place,
  requireSealed,
  type SavedObject,
  savedObjects,
} from "./folder.ts";
import { objectPath } from "./shared.ts";

type Backup = Manifest & { folder: string };

/** Puts all objects of a backup back. Throws, changing nothing, where there is something, or the backup lacks something. */
export async function restoreObjects(tools: BackupTools, place: Place, backup: Backup): Promise<void> {
  requireSameBuckets(backup, storePrefix);
  await requireEmpty(tools.settings);
  requireKnown(backup, await appliedMigrations(tools.settings));
  await requireWhole(place, backup);
  const buckets = connectStackBuckets(tools.settings, "restore");
  const there = await objectsThere(buckets);
  await requireNoOthers(there, backup);
  await putObjects(tools, place, backup, { buckets, there });
}

async function requireEmpty(settings: Settings): Promise<void> {
  const ledger = await connectCatalog(settings, "ledger");
  try {
    const { rows } = await ledger.query("select branch.is_empty() as empty");
    if (!rows[0].empty) throw notEmpty("its catalog has tables, deliveries or publications");
  } finally {
    await ledger.end();
  }
}

const notEmpty = (found: string, next = "") =>
  new ReelhouseError(`the lakehouse is not empty: ${found}; nothing was changed`, exitCode.failed, {
    next: `restore into a new one: ./scripts/down --delete-data, then ./scripts/up --empty${next}`,
  });

/** A newer database has what this release does not understand. An older one gets the newer migrations. */
export function requireKnown({ name, migrations, release }: Manifest, own: readonly Migration[]): void {
  const known = new Map(own.map((migration) => [migration.name, migration.sha256]));
  const unknown = migrations.find((migration) => known.get(migration.name) !== migration.sha256);
  if (unknown === undefined) return;
  throw new ReelhouseError(
    `backup ${name} was written by a newer release (${release}): this one does not know its migration ${unknown.name}`,
    exitCode.inputRefused,
    { next: "start that release, or a newer one, and restore there" },
  );
}

/** Tables name their files by bucket: under other names they would lead to nothing. */
export function requireSameBuckets({ name, storePrefix: saved = "" }: Manifest, own: string): void {
  if (saved === own) return;
  throw usageError(
    `backup ${name}: STORE_PREFIX: expected '${saved}', with which its tables were made, found '${own}'; nothing was changed`,
    `restore into a new one: ./scripts/down --delete-data, then ${setPrefix(saved)}, then ./scripts/up --empty`,
  );
}

/** In seconds: each file is there, with its size. Its content is looked at when it is put back. */
async function requireWhole(place: Place, backup: Backup): Promise<void> {
  for (const file of [catalogFile, objectsFile]) {
    const path = { hostPath: join(place.hostPath, backup.name, file), path: join(backup.folder, file) };
    await requireSealed(path, file === catalogFile ? backup.catalog : backup.objects);
  }
  for await (const object of savedObjects(backup.folder)) {
    const size = await stat(join(place.path, objectPath(object))).then(
      (found) => found.size,
      () => undefined,
    );
    if (size === object.byteCount) continue;
    const found = size === undefined ? "it is missing" : `${size} bytes`;
    throw damaged(join(place.hostPath, objectPath(object)), `${found}, expected ${object.byteCount} bytes`);
  }
}

const locationOf = ({ bucket, key }: Pick<SavedObject, "bucket" | "key">) => `s3://${bucket}/${key}`;

async function objectsThere(buckets: ReadonlyMap<string, Bucket>): Promise<Map<string, ListedObject>> {
  const lists = await Promise.all(
    [...buckets.values()].map((bucket) => bucket.list("", { recursive: true })),
  );
  return new Map(lists.flat().map((object) => [object.hostPath, object]));
}

/** A restore that was interrupted goes on; objects of another lakehouse are none of this one. Providers deliver already. */
async function requireNoOthers(there: ReadonlyMap<string, ListedObject>, { folder }: Backup): Promise<void> {
  if (there.size === 0) return;
  const others = new Set(there.keys());
  for await (const object of savedObjects(folder)) others.delete(locationOf(object));
  const other = [...others].find((location) => there.get(location)?.bucket !== stackBuckets.landing);
  if (other === undefined) return;
  const next = "; or, if only the catalog was lost: ./scripts/reelhouse recover-catalog";
  throw notEmpty(`the backup does not have ${other}`, next);
}

const uploadsAtOnce = 8;

async function putObjects(
  { report, signal }: BackupTools,
  place: Place,
  { folder, objects }: Backup,
  { buckets, there }: { buckets: ReadonlyMap<string, Bucket>; there: ReadonlyMap<string, ListedObject> },
): Promise<void> {
  const work = new Background(uploadsAtOnce);
  let doneCount = 0;
  let doneBytes = 0;
  const put = async (object: SavedObject) => {
    const file = objectPath(object);
    const present = there.get(locationOf(object));
    // A delivery that came since the backup stays.
    const isThere = present && (present.etag === object.etag || present.bucket === stackBuckets.landing);
    if (!isThere) {
      const path = join(place.path, file);
      await requireSealed({ hostPath: join(place.hostPath, file), path }, object);
      await buckets.get(object.bucket)?.upload(object.key, path, object.byteCount, signal);
    }
    doneCount += 1;
    doneBytes += object.byteCount;
    const progress = `${doneCount} of ${objects.count} objects, ${byteText(doneBytes)} of ${byteText(objects.totalBytes)}`;
    report.progress(progress, { doneCount, doneBytes });
  };
  try {
    for await (const object of savedObjects(folder)) {
      await work.room();
      signal.throwIfAborted();
      work.start(() => put(object));
    }
    await work.done();
  } finally {
    await work.settled();
  }
  report.info("restored_objects", `${objects.count} objects (${byteText(objects.totalBytes)}) are back`);
}
