/** Which publications stay readable, and what of a table's history that needs. */
import type { Database } from "../catalog.ts";
import type { Retention } from "../config/retention.ts";
import type { Id, Snapshot, TableMetadata } from "../publish/metadata.ts";

export interface RetainedPublication {
  id: number;
  kind: string;
  publishedAt: Date;
}

/** Those that have not left retention yet, newest first. */
export async function retainedPublications(ledger: Database): Promise<RetainedPublication[]> {
  const { rows } = await ledger.query(
    "select id, kind, published_at from branch.publication where expired_at is null order by id desc",
  );
  return rows.map(({ id, kind, published_at }) => ({ id, kind, publishedAt: published_at }));
}

const dayMs = 24 * 3600 * 1000;

/**
 * The numbers of those that stay: the newest ones, the young ones, and those that an open branch was forked from.
 * `publications`: newest first.
 */
export function keptPublications(
  publications: readonly RetainedPublication[],
  { publications: count, days }: Pick<Retention, "publications" | "days">,
  { nowMs, forkPoints }: { nowMs: number; forkPoints: ReadonlySet<number> },
): Set<number> {
  // Upkeep publishes what was there before: it must not push out what people published.
  const oldestOfNewest = publications.filter(({ kind }) => kind !== "maintenance")[count - 1];
  const stays = ({ id, publishedAt }: RetainedPublication) =>
    oldestOfNewest === undefined ||
    id >= oldestOfNewest.id ||
    publishedAt.getTime() > nowMs - days * dayMs ||
    forkPoints.has(id);
  return new Set(publications.filter(stays).map(({ id }) => id));
}

/** What of a table stays. */
export interface Kept {
  /** The publications whose tags stay. */
  publications: ReadonlySet<number>;
  /** Snapshots that were current at this time or later stay, tagged or not; undefined: only tagged ones. */
  sinceMs?: number;
  /** Whether a metadata file stays on the store. */
  isKept: (metadataLocation: string) => boolean;
}

/**
 * A table's metadata without what leaves: tags of publications that are not kept, then snapshots that nothing refers
 * to, then what was said of those.
 */
export function retained(metadata: TableMetadata, kept: Kept): TableMetadata {
  const refs = Object.fromEntries(
    Object.entries(metadata.refs ?? {}).filter(([name]) => {
      const publication = publicationOfTag(name);
      return publication === undefined || kept.publications.has(publication);
    }),
  );
  const needed = new Set(Object.values(refs).map((ref) => String(ref["snapshot-id"])));
  for (const id of currentSince(metadata, kept.sinceMs)) needed.add(String(id));
  const isNeeded = (entry: { "snapshot-id": Id }) => needed.has(String(entry["snapshot-id"]));
  const result: TableMetadata = { ...metadata, refs, snapshots: metadata.snapshots?.filter(isNeeded) ?? [] };
  result["snapshot-log"] = unbroken(metadata["snapshot-log"] ?? [], isNeeded);
  result["metadata-log"] =
    metadata["metadata-log"]?.filter((entry) => kept.isKept(entry["metadata-file"])) ?? [];
  for (const kind of ["statistics", "partition-statistics"] as const)
    if (metadata[kind]) result[kind] = metadata[kind].filter(isNeeded);
  return result;
}

/** `pub_7` -> 7; undefined for a name that is no publication's. */
export function publicationOfTag(name: string): number | undefined {
  const digits = /^pub_([1-9]\d*)$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The snapshots that were current at `sinceMs` or later. */
function currentSince(metadata: TableMetadata, sinceMs: number | undefined): Id[] {
  const log = metadata["snapshot-log"] ?? [];
  if (sinceMs === undefined) return [];
  const first = log.findLastIndex((entry) => entry["timestamp-ms"] <= sinceMs);
  return log.slice(Math.max(first, 0)).map((entry) => entry["snapshot-id"]);
}

/**
 * A history with a hole would answer for the time of the hole with what was before it; so, as Iceberg does, it begins
 * after the last hole.
 */
function unbroken<Entry>(log: readonly Entry[], isThere: (entry: Entry) => boolean): Entry[] {
  return log.slice(log.findLastIndex((entry) => !isThere(entry)) + 1);
}

/** The snapshots of `before` that `after` has no more. */
export function droppedSnapshots(before: TableMetadata, after: TableMetadata): Snapshot[] {
  const left = new Set((after.snapshots ?? []).map((snapshot) => String(snapshot["snapshot-id"])));
  return (before.snapshots ?? []).filter((snapshot) => !left.has(String(snapshot["snapshot-id"])));
}
