/** Fork and publish: how what dbt built on branch `audit` becomes what readers of `lakehouse` see. */
import { randomUUID } from "node:crypto";
import type { Database } from "../catalog.ts";
import { parseExactly, stringifyExactly } from "../json.ts";
import { type Store, splitLocation } from "../store.ts";
import {
  derivePublished,
  nextMetadataLocation,
  recordedRowCount,
  type TableMetadata,
  type TableVersion,
} from "./metadata.ts";

/** `namespace.name` -> metadata location, for silver and gold. */
export type Pointers = Map<string, string>;

export interface Publication {
  id: number;
  publishedAt: Date;
  tables: PublishedTable[];
}

interface PublishedTable {
  namespace: string;
  name: string;
  base: string | null;
  tested: string | null;
  published: string | null;
  rowCount: number | null;
}

const publishedNamespaces = ["silver", "gold"];

/** Makes `audit` a copy of `lakehouse` (pointers only) and returns the pointers that the copy started from. */
export async function forkAudit(publisher: Database): Promise<Pointers> {
  const { rows } = await publisher.query("select * from branch.fork()");
  return pointers(rows);
}

/** The tables of a branch that a publication would carry. */
export async function branchPointers(publisher: Database, branch: string): Promise<Pointers> {
  const { rows } = await publisher.query("select * from iceberg.iceberg_tables where catalog_name = $1", [
    branch,
  ]);
  return pointers(rows);
}

type Row = {
  table_namespace: string;
  table_name: string;
  metadata_location: string;
  iceberg_type: string | null;
};

function pointers(rows: Row[]): Pointers {
  const tables = rows.filter(
    (row) => publishedNamespaces.includes(row.table_namespace) && row.iceberg_type !== "VIEW",
  );
  return new Map(tables.map((row) => [`${row.table_namespace}.${row.table_name}`, row.metadata_location]));
}

/**
 * Publishes what `tested` points to, all tables or none. A table that is not among `built` has no model any more: it
 * came with the fork, and leaves the lakehouse. The metadata files are written first, under names that
 * nobody knows; the one transaction at the end makes them current. Throws, changing nothing, when a table of
 * `lakehouse` moved since the fork or one of `audit` since its tests.
 */
export async function publish(
  { publisher, store }: { publisher: Database; store: Store },
  { base, tested, built }: { base: Pointers; tested: Pointers; built: Set<string> },
  build: { runId: string; fingerprint: string; batches: string[]; details: Record<string, unknown> },
): Promise<Publication> {
  const { rows } = await publisher.query("select id, published_at from branch.next_publication()");
  const { id, published_at: publishedAt } = rows[0];
  const names = [...new Set([...tested.keys(), ...base.keys()])].sort();
  const tables = await Promise.all(
    names.map((name) => {
      const pointers = { base: base.get(name), tested: tested.get(name) };
      return built.has(name)
        ? writePublished(store, name, pointers, { id, publishedAt })
        : journalRow(name, pointers);
    }),
  );
  const { runId, ...rest } = build;
  const plan = { ...rest, id, kind: "build", run_id: runId, published_at: publishedAt, tables };
  await publisher.query("select branch.publish($1)", [JSON.stringify(plan)]);
  return { id, publishedAt, tables };
}

/** Metadata locations of one table: in `lakehouse` at the fork, on `audit` after its tests. */
interface Versions {
  base: string | undefined;
  tested: string | undefined;
}

async function writePublished(
  store: Store,
  qualifiedName: string,
  { base, tested }: Versions,
  publication: { id: number; publishedAt: Date },
): Promise<PublishedTable> {
  if (tested === undefined) throw new Error(`${qualifiedName}: built, but not on the branch`);
  const metadata = await readMetadata(store, tested);
  const baseVersion: TableVersion | undefined =
    base === undefined ? undefined : { location: base, metadata: await readMetadata(store, base) };
  const published = nextMetadataLocation(tested, randomUUID());
  const derived = derivePublished(metadata, baseVersion, {
    id: publication.id,
    publishedAtMs: publication.publishedAt.getTime(),
  });
  const { bucket, key } = splitLocation(published);
  await store.putBytes(bucket, key, Buffer.from(stringifyExactly(derived)));
  const rowCount = recordedRowCount(metadata) ?? null;
  return { ...journalRow(qualifiedName, { base, tested }), published, rowCount };
}

/** The table as the journal has it when no version of it is published. */
function journalRow(qualifiedName: string, { base, tested }: Versions): PublishedTable {
  const [namespace = "", name = ""] = qualifiedName.split(".");
  return { namespace, name, base: base ?? null, tested: tested ?? null, published: null, rowCount: null };
}

async function readMetadata(store: Store, location: string): Promise<TableMetadata> {
  const { bucket, key } = splitLocation(location);
  return parseExactly(await store.getText(bucket, key)) as TableMetadata;
}

/** The newest publication's number, time, fingerprint, or undefined before the first. */
export async function latestPublication(
  ledger: Database,
): Promise<{ id: number; publishedAt: Date; fingerprint: string } | undefined> {
  const { rows } = await ledger.query(
    "select id, published_at, fingerprint from branch.publication order by id desc limit 1",
  );
  const row = rows[0];
  return row && { id: row.id, publishedAt: row.published_at, fingerprint: row.fingerprint };
}
