/** Builds without an engine: metadata as dbt's commits leave it, over data files that are there already. */
import { randomBytes, randomUUID } from "node:crypto";
import pg from "pg";
import { stringifyExactly } from "../../../ingest/src/json.ts";
import { nextMetadataLocation, type TableMetadata } from "../../../ingest/src/publish/metadata.ts";
import { named, readMetadata } from "../../../ingest/src/publish/publish.ts";
import { type Store, splitLocation } from "../../../ingest/src/store.ts";

type Snapshot = NonNullable<TableMetadata["snapshots"]>[number];

/** A table that Trino made, whose states others can be given; the first one is empty. */
export interface Snapshots {
  metadata: TableMetadata;
  usable: Snapshot[];
}

/** In the order of their commits. */
export const snapshotsOf = (metadata: TableMetadata): Snapshots => ({
  metadata,
  usable: metadata.snapshots ?? [],
});

/** `pointer`: the table's on audit; undefined: it is made there. */
interface Target {
  name: string;
  pointer: string | undefined;
  /** As a contract does: first without rows, then with them. */
  isTwice: boolean;
}

/** Commits `audit`'s next version of a table: the rows of `usable[number]`, as a snapshot of its own. */
export async function writeBuild(
  store: Store,
  { name, pointer, isTwice }: Target,
  { metadata, usable }: Snapshots,
  number: number,
): Promise<void> {
  const [empty, wanted] = [usable[0], usable[number]];
  if (!empty || !wanted) throw new Error(`there is no snapshot ${number}`);
  const before = pointer === undefined ? newTable(name, metadata) : await readMetadata(store, pointer);
  const after = (isTwice ? [empty, wanted] : [wanted]).reduce(withCopy, before);
  const location =
    pointer === undefined
      ? `${after.location}/metadata/00000-${randomUUID()}.metadata.json`
      : nextMetadataLocation(pointer, randomUUID());
  const { bucket, key } = splitLocation(location);
  await store.putBytes(bucket, key, Buffer.from(stringifyExactly(after)));
  await commit(name, pointer, location);
}

function newTable(name: string, like: TableMetadata): TableMetadata {
  const uuid = randomUUID();
  const location = `s3://warehouse/${name.replace(".", "/")}-${uuid}`;
  return {
    ...like,
    "table-uuid": uuid,
    location,
    refs: {},
    snapshots: [],
    "snapshot-log": [],
    "metadata-log": [],
    statistics: [],
  };
}

function withCopy(metadata: TableMetadata, snapshot: Snapshot): TableMetadata {
  const id = randomBytes(8).readBigUInt64BE() >> 1n;
  const sequenceNumber = Number(metadata["last-sequence-number"]) + 1;
  const nowMs = Date.now();
  const copy = { ...snapshot, "snapshot-id": id, "sequence-number": sequenceNumber, "timestamp-ms": nowMs };
  delete copy["parent-snapshot-id" as never];
  return {
    ...metadata,
    "last-sequence-number": sequenceNumber,
    "last-updated-ms": nowMs,
    "current-snapshot-id": id,
    snapshots: [...(metadata.snapshots ?? []), copy],
    "snapshot-log": [...(metadata["snapshot-log"] ?? []), { "snapshot-id": id, "timestamp-ms": nowMs }],
    refs: { ...metadata.refs, main: { "snapshot-id": id, type: "branch" } },
  };
}

/** As Trino does it for dbt, with the same role. */
async function commit(name: string, before: string | undefined, after: string): Promise<void> {
  const { namespace, name: table } = named(name);
  const client = new pg.Client({
    host: process.env.CATALOG_HOST,
    database: "lakehouse",
    user: "trino_audit",
    password: process.env.PG_TRINO_AUDIT_PASSWORD,
  });
  await client.connect();
  const { rowCount } = await client.query(
    before === undefined
      ? "insert into iceberg.iceberg_tables values ('audit', $1, $2, $3, $4, 'TABLE')"
      : `update iceberg.iceberg_tables set metadata_location = $3, previous_metadata_location = $4
         where catalog_name = 'audit' and table_namespace = $1 and table_name = $2 and metadata_location = $4`,
    [namespace, table, after, before ?? null],
  );
  await client.end();
  if (rowCount !== 1) throw new Error(`${name} moved on audit`);
}
