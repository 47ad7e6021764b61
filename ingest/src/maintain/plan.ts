/** What upkeep would do: which publications leave, what each table is like, and what it needs. */
import { openBranches } from "../branches/registry.ts";
import type { Database } from "../catalog.ts";
import type { Retention } from "../config/retention.ts";
import type { Report } from "../report.ts";
import type { UpkeepStore } from "../store.ts";
import { FileLists, type ObjectName, objectName } from "./files.ts";
import { type Health, measure, type Needs, needsOf } from "./health.ts";
import { type KeptVersion, keptVersions, liveObjects } from "./live.ts";
import {
  droppedSnapshots,
  type Kept,
  keptPublications,
  type RetainedPublication,
  retained,
  retainedPublications,
} from "./retention.ts";
import { type CatalogRow, type CatalogTable, catalogRows, readTables, unreadable } from "./survey.ts";
import { existence, type Listing } from "./sweep.ts";

export interface UpkeepTools {
  ledger: Database;
  store: UpkeepStore;
  report: Report;
}

export interface TablePlan {
  table: CatalogTable;
  health: Health;
  needs: Needs;
  /** Ids of snapshots that nobody needs any more. */
  dropped: string[];
}

export interface UpkeepPlan {
  lists: FileLists;
  rows: CatalogRow[];
  tables: CatalogTable[];
  /** The publications that stay. */
  publications: Set<number>;
  /** Those that leave, oldest first. */
  leaving: number[];
  versions: KeptVersion[];
  /** Of the lakehouse's tables. */
  plans: TablePlan[];
}

/** Of the publications, newest first, those that stay. */
export type Choice = (known: RetainedPublication[], forkPoints: ReadonlySet<number>) => Set<number>;

/** What retention says now. */
export const asRetentionSays =
  (retention: Retention): Choice =>
  (known, forkPoints) =>
    keptPublications(known, retention, { nowMs: Date.now(), forkPoints });

export async function planUpkeep(
  { ledger, store, report }: UpkeepTools,
  choice: Choice,
): Promise<UpkeepPlan> {
  const rows = await catalogRows(ledger);
  const tables = await readTables(store, rows);
  for (const one of unreadable(rows, tables)) report.warn("table_unreadable", one);
  const known = await retainedPublications(ledger);
  const forkPoints = new Set((await openBranches(ledger)).map(({ forkedFrom }) => forkedFrom));
  const publications = choice(known, forkPoints);
  const leaving = known
    .map(({ id }) => id)
    .filter((id) => !publications.has(id))
    .reverse();
  const versions = await keptVersions(ledger, publications);
  const lists = new FileLists(store);
  const kept = whatStays({ publications, known, rows, versions });
  const plans = await Promise.all(
    tables
      .filter(({ catalog }) => catalog === "lakehouse")
      .map((table) => planTable(table, { lists, kept: kept(table.table) })),
  );
  return { lists, rows, tables, publications, leaving, versions, plans };
}

async function planTable(
  table: CatalogTable,
  { lists, kept }: { lists: FileLists; kept: Kept },
): Promise<TablePlan> {
  const dropped = droppedSnapshots(table.metadata, retained(table.metadata, kept));
  const health = await measure(lists, table);
  return {
    table,
    health,
    needs: needsOf(table.table, health, dropped.length),
    dropped: dropped.map((snapshot) => String(snapshot["snapshot-id"])),
  };
}

/** Bronze has no tags: what was current since the oldest publication that stays is kept. */
export function whatStays({
  publications,
  known,
  rows,
  versions,
}: Pick<UpkeepPlan, "publications" | "rows" | "versions"> & {
  known: readonly RetainedPublication[];
}): (table: string) => Kept {
  const sinceMs = Math.min(
    ...known.filter(({ id }) => publications.has(id)).map(({ publishedAt }) => publishedAt.getTime()),
  );
  const files = new Set(namedLocations({ rows, versions }).map(objectName));
  const isKept = (location: string) => files.has(objectName(location));
  return (table) => ({ publications, isKept, ...(table.startsWith("bronze.") ? { sinceMs } : {}) });
}

/** The metadata files that stay: those of rows and those of kept publications. */
export const namedLocations = ({
  rows,
  versions,
}: {
  rows: readonly CatalogRow[];
  versions: readonly KeptVersion[];
}): string[] => [
  ...rows.flatMap(({ location, previous }) => [location, ...(previous === null ? [] : [previous])]),
  ...versions.flatMap(({ location, newest }) => [location, ...(newest === null ? [] : [newest])]),
];

/** What somebody reads once the plan is done. `listing` is older than `tables` and `rows`, which are as they are by then. */
export function findLive(
  { store }: UpkeepTools,
  { lists, versions, plans }: UpkeepPlan,
  {
    listing,
    tables,
    rows,
  }: { listing: Listing; tables: readonly CatalogTable[]; rows: readonly CatalogRow[] },
): Promise<Set<ObjectName>> {
  const dropped = new Set(plans.flatMap(({ dropped }) => dropped));
  const roots = { named: namedLocations({ rows, versions }), tables, versions, dropped };
  return liveObjects(roots, { store, lists, exists: existence(store, listing) });
}
