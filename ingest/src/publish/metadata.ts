/**
 * Iceberg table metadata for a publication. What dbt built and tested is a chain of commits with their own times; a
 * reader of the lakehouse must see one change, at the publication's time, so that time travel tells the truth.
 */

/** The parts of an Iceberg table metadata file (format 2) that a publication looks at; the rest is carried along. */
export interface TableMetadata {
  "current-snapshot-id"?: SnapshotId;
  "last-updated-ms": number;
  "snapshot-log"?: { "snapshot-id": SnapshotId; "timestamp-ms": number }[];
  "metadata-log"?: { "metadata-file": string; "timestamp-ms": number }[];
  refs?: Record<string, { "snapshot-id": SnapshotId; type: "branch" | "tag"; [retention: string]: unknown }>;
  properties?: Record<string, string>;
  [field: string]: unknown;
}
/** 64 bits: a bigint wherever a double would lose digits. */
type SnapshotId = number | bigint;

export interface TableVersion {
  location: string;
  metadata: TableMetadata;
}

/**
 * The metadata to publish: same snapshots, schema and properties as `tested`; the history of `base` (what the
 * lakehouse served at the fork; undefined for a new table) plus one entry at `publishedAtMs`; tagged `pub_<id>`.
 */
export function derivePublished(
  tested: TableMetadata,
  base: TableVersion | undefined,
  publication: { id: number; publishedAtMs: number },
): TableMetadata {
  const current = tested["current-snapshot-id"];
  const baseLog = base?.metadata["snapshot-log"] ?? [];
  const published: TableMetadata = { ...tested, "last-updated-ms": publication.publishedAtMs };
  published["metadata-log"] = [
    ...(base?.metadata["metadata-log"] ?? []),
    ...(base ? [{ "metadata-file": base.location, "timestamp-ms": base.metadata["last-updated-ms"] }] : []),
  ].slice(-100);
  if (current === undefined || BigInt(current) < 0n) return published;
  const entry = { "snapshot-id": current, "timestamp-ms": publication.publishedAtMs };
  // A table that did not change keeps its history: the same snapshot twice would say that it did.
  const unchanged = baseLog.at(-1)?.["snapshot-id"] === current;
  published["snapshot-log"] = unchanged ? baseLog : [...baseLog, entry];
  published.refs = { ...tested.refs, [`pub_${publication.id}`]: { "snapshot-id": current, type: "tag" } };
  return published;
}

/** The number of rows of the current snapshot, as its writer recorded it; undefined where it did not. */
export function recordedRowCount(metadata: TableMetadata): number | undefined {
  const snapshots = metadata.snapshots as { "snapshot-id": SnapshotId; summary?: Record<string, string> }[];
  const current = snapshots?.find((snapshot) => snapshot["snapshot-id"] === metadata["current-snapshot-id"]);
  const total = current?.summary?.["total-records"];
  return total === undefined ? undefined : Number(total);
}

/** `s3://…/metadata/00007-<uuid>.metadata.json` -> the next version's location under a new uuid. */
export function nextMetadataLocation(location: string, uuid: string): string {
  const match = /^(.*\/metadata\/)(\d+)-[^/]+\.metadata\.json$/.exec(location);
  if (!match?.[1] || !match[2])
    throw new Error(`expected …/metadata/<version>-<uuid>.metadata.json, found ${location}`);
  const version = String(Number(match[2]) + 1).padStart(5, "0");
  return `${match[1]}${version}-${uuid}.metadata.json`;
}
