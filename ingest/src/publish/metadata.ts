/**
 * Iceberg table metadata for a publication. What dbt built and tested is a chain of commits with their own times; a
 * reader of the lakehouse must see one change, at the publication's time, so that time travel tells the truth.
 */

/** The parts of an Iceberg table metadata file (format 2) that a publication looks at; the rest is carried along. */
export interface TableMetadata {
  "table-uuid": string;
  "current-snapshot-id"?: Id | null;
  "current-schema-id": number;
  "default-spec-id": number;
  "default-sort-order-id": number;
  "last-updated-ms": number;
  schemas: { "schema-id": number; fields: { name: string; type: unknown }[] }[];
  "partition-specs": { "spec-id": number }[];
  "sort-orders": { "order-id": number }[];
  snapshots?: Snapshot[];
  "snapshot-log"?: { "snapshot-id": Id; "timestamp-ms": number }[];
  "metadata-log"?: { "metadata-file": string; "timestamp-ms": number }[];
  refs?: Record<string, { "snapshot-id": Id; type: "branch" | "tag"; [retention: string]: unknown }>;
  properties?: Record<string, string>;
  statistics?: StatisticsFile[];
  "partition-statistics"?: StatisticsFile[];
  [field: string]: unknown;
}
/** Of a snapshot, 64 bits: a bigint wherever a double would lose digits. */
export type Id = number | bigint;

export interface Snapshot {
  "snapshot-id": Id;
  "schema-id"?: number;
  "manifest-list"?: string;
  summary?: Record<string, string>;
}

interface StatisticsFile {
  "snapshot-id": Id;
  "statistics-path": string;
}

export interface TableVersion {
  location: string;
  metadata: TableMetadata;
}

/** What a table is at one moment: enough to make it so again from any later metadata of the same table. */
export interface TableState {
  uuid: string;
  /** Decimal digits; null: the table never had a row. */
  snapshotId: string | null;
  schemaId: number;
  specId: number;
  sortOrderId: number;
  properties: Record<string, string>;
}

export interface TableColumn {
  name: string;
  /** As Iceberg spells it; nested types as JSON. */
  type: string;
}

export function stateOf(metadata: TableMetadata): TableState {
  return {
    uuid: metadata["table-uuid"],
    snapshotId: currentSnapshotId(metadata)?.toString() ?? null,
    schemaId: metadata["current-schema-id"],
    specId: metadata["default-spec-id"],
    sortOrderId: metadata["default-sort-order-id"],
    properties: metadata.properties ?? {},
  };
}

export function columnsOf(metadata: TableMetadata): TableColumn[] {
  const schema = metadata.schemas.find((known) => known["schema-id"] === metadata["current-schema-id"]);
  return (schema?.fields ?? []).map(({ name, type }) => ({
    name,
    type: typeof type === "string" ? type : JSON.stringify(type),
  }));
}

/** The id of the current snapshot; undefined for a table that never had one. */
export function currentSnapshotId(metadata: TableMetadata): Id | undefined {
  const id = metadata["current-snapshot-id"];
  return id === undefined || id === null || BigInt(id) < 0n ? undefined : id;
}

const snapshotOf = (metadata: TableMetadata, id: string | null) =>
  metadata.snapshots?.find((snapshot) => snapshot["snapshot-id"].toString() === id);

/**
 * The metadata to publish: same snapshots, schema and properties as `tested`; the history of `base` (what the
 * lakehouse served before; undefined for a new table) plus one entry at `publishedAtMs`; tagged `pub_<id>`. So the
 * history of every table is that of its publications, whether one changed it or not.
 */
export function derivePublished(
  tested: TableMetadata,
  base: TableVersion | undefined,
  publication: { id: number; publishedAtMs: number },
): TableMetadata {
  const current = currentSnapshotId(tested);
  const published: TableMetadata = { ...tested, "last-updated-ms": publication.publishedAtMs };
  published["metadata-log"] = base ? logFollowing(base) : [];
  if (current === undefined) return published;
  const entry = { "snapshot-id": current, "timestamp-ms": publication.publishedAtMs };
  published["snapshot-log"] = [...(base?.metadata["snapshot-log"] ?? []), entry];
  published.refs = { ...tested.refs, [`pub_${publication.id}`]: { "snapshot-id": current, type: "tag" } };
  return published;
}

/** The log of the metadata files before the one that follows `version`. */
export const logFollowing = ({
  location,
  metadata,
}: TableVersion): NonNullable<TableMetadata["metadata-log"]> =>
  [
    ...(metadata["metadata-log"] ?? []),
    { "metadata-file": location, "timestamp-ms": metadata["last-updated-ms"] },
  ].slice(-100);

/** A later version of a table, made to be what `state` says. Throws what of it was collected since. */
export function withState(metadata: TableMetadata, state: TableState): TableMetadata {
  const missing = missingOf(metadata, state);
  if (missing !== undefined) throw new Error(missing);
  const snapshot = snapshotOf(metadata, state.snapshotId);
  const restored: TableMetadata = {
    ...metadata,
    "current-schema-id": state.schemaId,
    "default-spec-id": state.specId,
    "default-sort-order-id": state.sortOrderId,
    properties: state.properties,
  };
  if (snapshot === undefined) return withoutSnapshot(restored);
  const main = { ...metadata.refs?.main, "snapshot-id": snapshot["snapshot-id"], type: "branch" as const };
  return { ...restored, "current-snapshot-id": snapshot["snapshot-id"], refs: { ...metadata.refs, main } };
}

function withoutSnapshot(metadata: TableMetadata): TableMetadata {
  const { main: _, ...refs } = metadata.refs ?? {};
  return { ...metadata, "current-snapshot-id": -1, refs };
}

/** What a state needs and the metadata does not have any more; undefined if it has all. */
function missingOf(metadata: TableMetadata, state: TableState): string | undefined {
  if (snapshotOf(metadata, state.snapshotId) === undefined && state.snapshotId !== null)
    return `snapshot ${state.snapshotId} was collected`;
  if (!metadata.schemas.some((known) => known["schema-id"] === state.schemaId))
    return `schema ${state.schemaId} was collected`;
  if (!metadata["partition-specs"].some((known) => known["spec-id"] === state.specId))
    return `partition spec ${state.specId} was collected`;
  if (!metadata["sort-orders"].some((known) => known["order-id"] === state.sortOrderId))
    return `sort order ${state.sortOrderId} was collected`;
  return undefined;
}

/** What a table that is not published (bronze) was at a time; undefined where its snapshot of then is not kept. */
export function stateAt(metadata: TableMetadata, timeMs: number): TableState | undefined {
  const entry = metadata["snapshot-log"]?.findLast((one) => one["timestamp-ms"] <= timeMs);
  const snapshot = entry && snapshotOf(metadata, entry["snapshot-id"].toString());
  if (snapshot === undefined) return undefined;
  const state = stateOf(metadata);
  return {
    ...state,
    snapshotId: snapshot["snapshot-id"].toString(),
    schemaId: snapshot["schema-id"] ?? state.schemaId,
  };
}

/** Metadata whose state is that of a publication, made to know of no later one: as its readers saw it. */
export function withoutFuture(
  metadata: TableMetadata,
  { id, publishedAtMs }: { id: number; publishedAtMs: number },
): TableMetadata {
  const refs = Object.entries(metadata.refs ?? {}).filter(
    ([name]) => Number(/^pub_(\d+)$/.exec(name)?.[1] ?? 0) <= id,
  );
  return {
    ...metadata,
    "last-updated-ms": publishedAtMs,
    "metadata-log": [],
    "snapshot-log": metadata["snapshot-log"]?.filter((entry) => entry["timestamp-ms"] <= publishedAtMs) ?? [],
    refs: Object.fromEntries(refs),
  };
}

/** Where the current snapshot's list of files lies; undefined for a table that never had a snapshot. */
export const manifestListOf = (metadata: TableMetadata): string | undefined =>
  snapshotOf(metadata, stateOf(metadata).snapshotId)?.["manifest-list"];

/** The number of rows of the current snapshot, as its writer recorded it; undefined where it did not. */
export function recordedRowCount(metadata: TableMetadata): number | undefined {
  const summary = snapshotOf(metadata, stateOf(metadata).snapshotId)?.summary;
  const written = summary?.["total-records"];
  // Trino deletes each row once, by its place in a file, and leaves it there.
  return written === undefined
    ? undefined
    : Number(written) - Number(summary?.["total-position-deletes"] ?? 0);
}

/** `s3://…/metadata/00007-<uuid>.metadata.json` -> the next version's location under a new uuid. */
export function nextMetadataLocation(location: string, uuid: string): string {
  const match = /^(.*\/metadata\/)(\d+)-[^/]+\.metadata\.json$/.exec(location);
  if (!match?.[1] || !match[2])
    throw new Error(`expected …/metadata/<version>-<uuid>.metadata.json, found ${location}`);
  const version = String(Number(match[2]) + 1).padStart(5, "0");
  return `${match[1]}${version}-${uuid}.metadata.json`;
}
