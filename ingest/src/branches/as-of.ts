/**
 * The whole lakehouse as of a publication: a catalog `at_<id>` whose pointers lead to metadata that was derived for it
 * from each table's newest, as a rollback does. So nothing hangs on an old metadata file.
 */
import { randomUUID } from "node:crypto";
import { stackBuckets } from "../buckets.ts";
import { connectCatalog, type Database } from "../catalog.ts";
import { exitCode, ReelhouseError, usageError } from "../errors.ts";
import { stringifyExactly } from "../json.ts";
import {
  type JournalPublication,
  publicationNumber,
  publishedTables,
  requirePublication,
} from "../publish/journal.ts";
import {
  nextMetadataLocation,
  stateAt,
  type TableVersion,
  withoutFuture,
  withState,
} from "../publish/metadata.ts";
import { branchPointers, named, readMetadata } from "../publish/publish.ts";
import { restoredVersion, type UndoTools } from "../publish/rollback.ts";
import type { Settings } from "../settings.ts";
import { connectStore, splitLocation } from "../store.ts";
import { connectTrino } from "../trino.ts";
import { asOfCatalog, createCatalog } from "./catalogs.ts";

/** Where a derived metadata file is put: by the table's name and the location of its newest. */
type Placement = (table: string, newest: string) => string;

/** Apart from all tables. */
const apart =
  (id: number): Placement =>
  (table) =>
    `s3://${stackBuckets.warehouse}/_as_of/${id}/${table}/metadata/00000-${randomUUID()}.metadata.json`;

/**
 * For a branch: beside the tables' own metadata, where the guard of DROP TABLE sees whose files they share. No branch
 * writes bronze, so that is apart.
 */
export const tableDirectory =
  (id: number): Placement =>
  (table, newest) =>
    table.startsWith("bronze.") ? apart(id)(table, newest) : nextMetadataLocation(newest, randomUUID());

interface DerivedTable {
  namespace: string;
  name: string;
  location: string;
}

/** `3`, `pub_3` or a time in ISO 8601 (UTC where it has no zone): the publication that was in force. */
export async function publicationAsOf(ledger: Database, word: string): Promise<JournalPublication> {
  if (/^(pub_)?\d+$/.test(word)) return requirePublication(ledger, publicationNumber(word));
  const time = timeOf(word);
  const { rows } = await ledger.query(
    `select (select max(id) from branch.publication where published_at <= $1) as id,
         (select min(published_at) from branch.publication) as first, $1 > now() as is_future`,
    [time],
  );
  const { id, first, is_future: isFuture } = rows[0];
  if (isFuture) throw usageError(`--as-of: ${time.toISOString()} is in the future`);
  if (id !== null) return requirePublication(ledger, id);
  const since = first === null ? "nothing is published yet" : `the first was at ${first.toISOString()}`;
  throw usageError(`--as-of: nothing was published at ${time.toISOString()}: ${since}`);
}

function timeOf(word: string): Date {
  const [, day, time = "00:00", zone = "Z"] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:?\d\d)?)?$/.exec(word) ?? [];
  const date = new Date(`${day}T${time}${zone}`);
  if (!Number.isNaN(date.getTime())) return date;
  throw usageError(
    `--as-of: expected a publication or a time, such as 3, pub_3 or 2026-11-27T09:30:00Z, found '${word}'`,
    "reelhouse history lists the publications and their times",
  );
}

/** The catalog that shows the lakehouse as of then; made when it is first asked for. */
export async function openAsOf(settings: Settings, word: string): Promise<string> {
  const [ledger, publisher] = await Promise.all([
    connectCatalog(settings, "ledger"),
    connectCatalog(settings, "publisher"),
  ]);
  try {
    const { id } = await publicationAsOf(ledger, word);
    await pointAsOf({ ledger, publisher, store: connectStore(settings, "publisher") }, id);
    await createCatalog(connectTrino(settings, "admin", { catalog: "system" }), asOfCatalog(id));
    return asOfCatalog(id);
  } finally {
    await Promise.all([ledger.end(), publisher.end()]);
  }
}

async function pointAsOf(tools: UndoTools, id: number): Promise<void> {
  const { rows } = await tools.ledger.query(
    "select from iceberg.iceberg_tables where catalog_name = $1 limit 1",
    [asOfCatalog(id)],
  );
  if (rows.length > 0) return;
  const tables = await deriveAsOf(tools, id, apart(id));
  await tools.publisher.query("select branch.point_as_of($1, $2)", [id, JSON.stringify(tables)]);
}

/**
 * Writes metadata for every table of a publication, and for bronze as it was at its time; tables of bronze whose
 * snapshot of then is not kept are left out. Throws when something else of the publication was collected.
 */
export async function deriveAsOf(
  { ledger, publisher, store }: UndoTools,
  id: number,
  place: Placement,
): Promise<DerivedTable[]> {
  const publication = await requirePublication(ledger, id);
  const moment = { id, publishedAtMs: publication.publishedAt.getTime() };
  const current = await branchPointers(publisher, "lakehouse");
  const put = async (table: string, newest: string, { metadata }: TableVersion): Promise<DerivedTable> => {
    const location = place(table, newest);
    const { bucket, key } = splitLocation(location);
    await store.putBytes(bucket, key, Buffer.from(stringifyExactly(withoutFuture(metadata, moment))));
    return { ...named(table), location };
  };
  const published = (await publishedTables(ledger, id)).map(async (table) => {
    const { newest, restored } = await restoredVersion(store, table, current.get(table.name) ?? null).catch(
      (error) => {
        throw error instanceof ReelhouseError ? error : collected(id, table.name, error);
      },
    );
    return put(table.name, newest.location, restored);
  });
  const bronze = [...(await bronzePointers(ledger))].map(async ([table, location]) => {
    const metadata = await readMetadata(store, location);
    const state = stateAt(metadata, moment.publishedAtMs);
    return state && put(table, location, { location, metadata: withState(metadata, state) });
  });
  return (await Promise.all([...published, ...bronze])).filter((table) => table !== undefined);
}

async function bronzePointers(ledger: Database): Promise<Map<string, string>> {
  const { rows } = await ledger.query(
    `select 'bronze.' || table_name as name, metadata_location as location from iceberg.iceberg_tables
     where catalog_name = 'lakehouse' and table_namespace = 'bronze'`,
  );
  return new Map(rows.map(({ name, location }) => [name, location]));
}

const collected = (id: number, table: string, cause: Error) =>
  new ReelhouseError(`publication ${id} cannot be read: ${table}: ${cause.message}`, exitCode.failed, {
    next: "choose another: reelhouse history",
    cause,
  });
