/** How a table is doing, measured from its metadata and its lists of files; and what it needs. */

import { stringifyExactly } from "../json.ts";
import { currentSnapshotId, type Snapshot, type TableVersion } from "../publish/metadata.ts";
import { type FileLists, filesOf, type TableFile } from "./files.ts";

export interface Health {
  files: number;
  bytes: number;
  /** Small files that could be fewer: of partitions with many of them. */
  smallFiles: number;
  /** Files that say which rows of others do not count: each makes reading slower. */
  deleteFiles: number;
  manifests: number;
  snapshots: number;
  metadataBytes: number;
  hasStatistics: boolean;
}

/** Smaller ones cost more to open than to read. */
const smallBytes = 32 * 1_048_576;
/** Fewer are not worth a rewrite. */
const manyFiles = 8;
/** Each is read to plan a query. */
const manyManifests = 30;
/** Few snapshots that nobody needs are no burden; a build leaves one for each table. */
const manySnapshots = 10;

export async function measure(lists: FileLists, { metadata }: TableVersion): Promise<Health> {
  const id = currentSnapshotId(metadata);
  const snapshot = metadata.snapshots?.find((known) => known["snapshot-id"] === id);
  const files = snapshot ? await filesOf(lists, snapshot) : [];
  const data = files.filter(({ isDeletes }) => !isDeletes);
  return {
    files: data.length,
    bytes: files.reduce((sum, { byteCount }) => sum + byteCount, 0),
    smallFiles: smallFilesOf(data),
    deleteFiles: files.length - data.length,
    manifests: snapshot ? await manifestsOf(lists, snapshot) : 0,
    snapshots: metadata.snapshots?.length ?? 0,
    metadataBytes: Buffer.byteLength(stringifyExactly(metadata)),
    // Of no values there is nothing to count.
    hasStatistics:
      data.length === 0 || snapshot === undefined || hasStatistics(metadata.statistics, snapshot),
  };
}

const manifestsOf = async (lists: FileLists, { "manifest-list": location }: Snapshot) =>
  location === undefined ? 0 : (await lists.manifests(location)).length;

const hasStatistics = (statistics: TableVersion["metadata"]["statistics"], { "snapshot-id": id }: Snapshot) =>
  statistics?.some((file) => file["snapshot-id"] === id) ?? false;

function smallFilesOf(files: readonly TableFile[]): number {
  const small = files.filter(({ byteCount }) => byteCount < smallBytes);
  const perPartition = [...Map.groupBy(small, ({ partition }) => partition).values()];
  return perPartition
    .filter(({ length }) => length >= manyFiles)
    .reduce((sum, { length }) => sum + length, 0);
}

/** What upkeep does with a table. */
export interface Needs {
  /** Rewrite small files and those with deleted rows. */
  compact: boolean;
  /** Rewrite the lists of files. */
  manifests: boolean;
  analyze: boolean;
  /** Take snapshots out that nobody needs. */
  expire: boolean;
}

/**
 * `dropped`: how many snapshots nobody needs. Of bronze only `batches` is rewritten: the files of the other tables are
 * the deliveries' own objects, whose names keep them from being added twice.
 */
export function needsOf(table: string, health: Health, dropped: number): Needs {
  const isBronze = table.startsWith("bronze.");
  const isRewritten = !isBronze || table === "bronze.batches";
  const compact = isRewritten && (health.smallFiles > 0 || health.deleteFiles > 0);
  return {
    compact,
    // A rewrite leaves the lists of what it replaced.
    manifests: compact || health.manifests >= manyManifests,
    analyze: !isBronze && (compact || !health.hasStatistics),
    expire: dropped >= manySnapshots,
  };
}

export const needsAnything = ({ compact, manifests, analyze, expire }: Needs) =>
  compact || manifests || analyze || expire;
