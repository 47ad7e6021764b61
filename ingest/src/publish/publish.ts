/** Fork and publish: how what dbt built on branch `audit` becomes what readers of `lakehouse` see. */
import { randomUUID } from "node:crypto";
import type { Database } from "../catalog.ts";
import { parseExactly, stringifyExactly } from "../json.ts";
import { type Store, splitLocation } from "../store.ts";
import {
  columnsOf,
  derivePublished,
  nextMetadataLocation,
  recordedRowCount,
  stateOf,
  type TableColumn,
  type TableMetadata,
  type TableState,
  type TableVersion,
} from "./metadata.ts";

/** `namespace.name` -> metadata location, for silver and gold. */
export type Pointers = Map<string, string>;

export interface Publication {
  id: number;
  publishedAt: Date;
  tables: PublishedTable[];
}

/** What a publication is for, as the journal keeps it. */
export interface Occasion {
  kind: "build" | "rollback" | "maintenance";
  runId: string;
  /** Of the input that the tables were built from. */
  fingerprint: string;
  /** `source/batchId` of all batches in it. */
  batches: string[];
  details: Record<string, unknown>;
}

export interface TestCounts {
  passed: number;
  warned: number;
}

/** One table of a publication: a row of the journal, and what its transaction compares and moves. */
export interface PublishedTable extends Partial<TableState> {
  namespace: string;
  name: string;
  /** Where `lakehouse` points before; null: no such table. */
  base: string | null;
  /** Where the branch points since the tests; null: no such table, or no branch. */
  tested: string | null;
  /** Where `lakehouse` points afterwards; null: the table is removed. */
  published: string | null;
  rowCount: number | null;
  columns?: TableColumn[];
  tests?: TestCounts | null;
}

/** The number and the time of a publication to be; all its tables carry both. */
export interface Edition {
  id: number;
  publishedAt: Date;
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
 * Publishes what `tested` points to on `branch`, all tables or none. A table that is not among `built` has no model any
 * more: it came with the fork, and leaves the lakehouse. The metadata files are written first, under names that
 * nobody knows; the one transaction at the end makes them current. Throws, changing nothing, when a table of
 * `lakehouse` moved since the fork or one of the branch since its tests.
 */
export async function publish(
  { publisher, store }: { publisher: Database; store: Store },
  { base, tested, built, tests, branch = "audit" }: Tested,
  occasion: Occasion,
): Promise<Publication> {
  const edition = await nextEdition(publisher);
  const names = [...new Set([...tested.keys(), ...base.keys()])].sort();
  const tables = await Promise.all(
    names.map(async (name): Promise<PublishedTable> => {
      const pointers = { base: base.get(name) ?? null, tested: tested.get(name) ?? null };
      if (!built.has(name)) return removed(name, pointers);
      const written = await publishTested(store, name, pointers, edition);
      return { ...written, tests: tests?.get(name) ?? null };
    }),
  );
  return commitPublication(publisher, { edition, branch, tables }, occasion);
}

/** What a build made and tested. */
export interface Tested {
  /** Of `lakehouse`, at the fork. */
  base: Pointers;
  /** Of the branch, after its tests. */
  tested: Pointers;
  /** `namespace.name` of the tables that the build made. */
  built: Set<string>;
  /** By `namespace.name`. */
  tests?: Map<string, TestCounts>;
  /** Where it was built (default: audit). */
  branch?: string;
}

export async function nextEdition(publisher: Database): Promise<Edition> {
  const { rows } = await publisher.query("select id, published_at from branch.next_publication()");
  return { id: rows[0].id, publishedAt: rows[0].published_at };
}

/** What upkeep changes in the same transaction. */
export interface UpkeepChanges {
  bronze: { namespace: string; name: string; base: string; published: string }[];
  /** Publications that leave retention. */
  expired: number[];
  erasure?: Erasure | undefined;
}

/** What the ledger notes of rows that leave bronze for good. */
export interface Erasure {
  batches: { source: string; batchId: string; rows: number; rejects: number }[];
  /** Locations of the objects that held them. */
  objects: string[];
}

/** The transaction: every pointer is compared with what it was, the journal is written, all pointers move. */
export async function commitPublication(
  publisher: Database,
  { edition, branch, tables }: { edition: Edition; branch: string | null; tables: PublishedTable[] },
  { runId, ...occasion }: Occasion,
  upkeep?: UpkeepChanges,
): Promise<Publication> {
  const { id, publishedAt } = edition;
  const plan = { ...occasion, id, run_id: runId, published_at: publishedAt, branch, tables, ...upkeep };
  const usual = upkeep ? "maintain" : "publish";
  await publisher.query(`select branch.${upkeep?.erasure ? "erase" : usual}($1)`, [JSON.stringify(plan)]);
  return { ...edition, tables };
}

type TablePointers = Pick<PublishedTable, "base" | "tested">;

async function publishTested(
  store: Store,
  qualifiedName: string,
  { base, tested }: TablePointers,
  edition: Edition,
): Promise<PublishedTable> {
  if (tested === null) throw new Error(`${qualifiedName}: built, but not on the branch`);
  const version = { location: tested, metadata: await readMetadata(store, tested) };
  const baseVersion =
    base === null ? undefined : { location: base, metadata: await readMetadata(store, base) };
  const written = await writePublished(store, version, baseVersion, edition);
  return { ...named(qualifiedName), base, tested, ...written };
}

/** Writes the metadata file of one table's publication, which nobody points to yet. `finish`: what else becomes of it. */
export async function writePublished(
  store: Store,
  { location, metadata }: TableVersion,
  base: TableVersion | undefined,
  { id, publishedAt }: Edition,
  finish = (derived: TableMetadata) => derived,
): Promise<Omit<PublishedTable, "namespace" | "name" | "base" | "tested">> {
  const derived = finish(derivePublished(metadata, base, { id, publishedAtMs: publishedAt.getTime() }));
  const published = await writeMetadata(store, { location, metadata: derived });
  const rowCount = recordedRowCount(derived) ?? null;
  return { published, rowCount, columns: columnsOf(derived), ...stateOf(derived) };
}

/** A table that the lakehouse has no more. Its files stay. */
export const removed = (qualifiedName: string, pointers: TablePointers): PublishedTable => ({
  ...named(qualifiedName),
  ...pointers,
  published: null,
  rowCount: null,
});

/** `namespace.name` as its two parts. */
export function named(qualifiedName: string): { namespace: string; name: string } {
  const [namespace = "", name = ""] = qualifiedName.split(".");
  return { namespace, name };
}

/** Writes what follows the version at `location`; answers where. */
export async function writeMetadata(store: Store, { location, metadata }: TableVersion): Promise<string> {
  const written = nextMetadataLocation(location, randomUUID());
  const { bucket, key } = splitLocation(written);
  await store.putBytes(bucket, key, Buffer.from(stringifyExactly(metadata)));
  return written;
}

export async function readMetadata(store: Pick<Store, "getText">, location: string): Promise<TableMetadata> {
  const { bucket, key } = splitLocation(location);
  return parseExactly(await store.getText(bucket, key)) as TableMetadata;
}
