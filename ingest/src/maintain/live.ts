/**
 * Every object that somebody may still read: what the catalog points to, on each branch, and what the kept publications
 * were. All else that lies in the tables' folders is nobody's.
 */
import type { Database } from "../catalog.ts";
import { exitCode, ReelhouseError } from "../errors.ts";
import { newestLocationSql } from "../publish/journal.ts";
import { currentSnapshotId, type Snapshot, type TableMetadata } from "../publish/metadata.ts";
import type { Store } from "../store.ts";
import { type FileLists, type ObjectName, objectName, objectsOf } from "./files.ts";
import { type CatalogTable, readAll } from "./survey.ts";

/** A table of a kept publication. Bronze's past is in its own history. */
export interface KeptVersion {
  publication: number;
  table: string;
  location: string;
  /** null: an earlier release did not note it. */
  snapshotId: string | null;
  /** The newest metadata file of the same table: what a rollback starts from. */
  newest: string | null;
}

export async function keptVersions(
  ledger: Database,
  publications: ReadonlySet<number>,
): Promise<KeptVersion[]> {
  const { rows } = await ledger.query(
    `select publication_id, table_namespace || '.' || table_name as name, new_metadata_location,
         snapshot_id::text as snapshot, ${newestLocationSql("kept")} as newest
     from branch.publication_table as kept
     where publication_id = any ($1) and new_metadata_location is not null`,
    [[...publications]],
  );
  return rows.map((row) => ({
    publication: row.publication_id,
    table: row.name,
    location: row.new_metadata_location,
    snapshotId: row.snapshot,
    newest: row.newest,
  }));
}

/** What is to be looked at. */
export interface Roots {
  /** Locations of all rows, those of views and those before the last change too. */
  named: readonly string[];
  /** Every table that a row points to. */
  tables: readonly CatalogTable[];
  versions: readonly KeptVersion[];
  /** Snapshots that left the lakehouse: a branch that was forked before may still list them, and does not need them. */
  dropped: ReadonlySet<string>;
}

interface Tools {
  store: Store;
  lists: FileLists;
  /** Whether an object lies on the store. */
  exists: (name: ObjectName) => Promise<boolean>;
}

/** Throws, naming it, when something that somebody reads is not there: then nothing may be removed. */
export async function liveObjects(roots: Roots, tools: Tools): Promise<Set<ObjectName>> {
  const live = new Set<ObjectName>();
  const seen = new Set<string>();
  const add = (names: Iterable<ObjectName>) => {
    for (const name of names) live.add(name);
  };
  const addSnapshot = async (snapshot: Snapshot, what: string) => {
    seen.add(String(snapshot["snapshot-id"]));
    const list = snapshot["manifest-list"] ?? "";
    await requireThere([objectName(list)], what, tools);
    await requireThere((await tools.lists.manifests(list)).map(objectName), what, tools);
    const objects = await objectsOf(tools.lists, snapshot);
    await requireThere(objects, what, tools);
    add(objects);
  };
  add(roots.named.map(objectName));
  for (const table of roots.tables) {
    const current = currentSnapshotId(table.metadata);
    const needed = neededOf(table, roots.dropped);
    add(statisticsOf(table.metadata, needed));
    for (const snapshot of needed) {
      const what = `${table.catalog}.${table.table}`;
      // A branch's own past: upkeep of an earlier day may have taken what it shares with the lakehouse.
      const isPast = table.catalog !== "lakehouse" && snapshot["snapshot-id"] !== current;
      if (isPast && !(await isWhole(snapshot, tools))) continue;
      await addSnapshot(snapshot, what);
    }
  }
  for (const { location, newest } of roots.versions) add([location, newest ?? location].map(objectName));
  await addVersions(roots.versions, { seen, addSnapshot, add }, tools);
  return live;
}

/** Of kept publications, the snapshots that no table of the catalog has: their tables were removed. */
async function addVersions(
  versions: readonly KeptVersion[],
  {
    seen,
    addSnapshot,
    add,
  }: {
    seen: ReadonlySet<string>;
    addSnapshot: (snapshot: Snapshot, what: string) => Promise<void>;
    add: (names: Iterable<ObjectName>) => void;
  },
  tools: Tools,
): Promise<void> {
  const unseen = versions.filter(({ snapshotId }) => snapshotId === null || !seen.has(snapshotId));
  const byLocation = new Map(unseen.map((version) => [version.location, version]));
  const metadata = await readAll(tools.store, new Set(byLocation.keys()));
  for (const [location, { table, publication }] of byLocation) {
    const read = metadata.get(location);
    if (read === undefined) throw damaged(`${table} of publication ${publication}`, objectName(location));
    const snapshot = currentOf(read);
    if (!snapshot || seen.has(String(snapshot["snapshot-id"]))) continue;
    await addSnapshot(snapshot, `${table} of publication ${publication}`);
    add(statisticsOf(read, [snapshot]));
  }
}

const currentOf = (metadata: TableMetadata): Snapshot | undefined => {
  const id = currentSnapshotId(metadata);
  return metadata.snapshots?.find((snapshot) => snapshot["snapshot-id"] === id);
};

/** Of the lakehouse all that it lists; of a branch all but what left the lakehouse, and what it shows now in any case. */
function neededOf({ catalog, metadata }: CatalogTable, dropped: ReadonlySet<string>): Snapshot[] {
  const current = currentSnapshotId(metadata);
  return (metadata.snapshots ?? []).filter(
    ({ "snapshot-id": id }) => catalog === "lakehouse" || id === current || !dropped.has(String(id)),
  );
}

function statisticsOf(metadata: TableMetadata, snapshots: readonly Snapshot[]): ObjectName[] {
  const ids = new Set(snapshots.map((snapshot) => String(snapshot["snapshot-id"])));
  return [...(metadata.statistics ?? []), ...(metadata["partition-statistics"] ?? [])]
    .filter((file) => ids.has(String(file["snapshot-id"])))
    .map((file) => objectName(file["statistics-path"]));
}

async function isWhole({ "manifest-list": list }: Snapshot, { lists, exists }: Tools): Promise<boolean> {
  if (list === undefined || !(await exists(objectName(list)))) return false;
  for (const manifest of await lists.manifests(list)) if (!(await exists(objectName(manifest)))) return false;
  return true;
}

async function requireThere(names: readonly ObjectName[], what: string, { exists }: Tools): Promise<void> {
  for (const name of names) if (!(await exists(name))) throw damaged(what, name);
}

const damaged = (what: string, missing: string) =>
  new ReelhouseError(`${what}: ${missing} is not on the store; nothing was removed`, exitCode.failed, {
    next: "restore it, drop the branch that names it, or let the publication leave: retention in pipeline.yaml",
  });
