/** `_publications/<n>.json` on the object store: each publication once more, for the day when PostgreSQL is lost. */
import { stackBuckets } from "../buckets.ts";
import type { Database } from "../catalog.ts";
import { parseExactly, stringifyExactly } from "../json.ts";
import type { Store } from "../store.ts";

const bucket = stackBuckets.warehouse;
export const manifestPrefix = "_publications/";
const keyOf = (id: number) => `${manifestPrefix}${id}.json`;

/**
 * Writes the newest publication's manifest unless it is there: after each publication, and before anything else of a
 * run, because the one before may have been killed in between. Earlier ones are there for that reason.
 */
export async function ensureManifest({ ledger, store }: { ledger: Database; store: Store }): Promise<void> {
  const { rows } = await ledger.query("select max(id) as id from branch.publication");
  const { id } = rows[0];
  if (id === null) return;
  if ((await store.metadataOf(bucket, keyOf(id))) !== undefined) return;
  await writeManifest({ ledger, store }, id);
}

/** Says in a publication's copy what is true by now, such as which erasures are not finished. */
export async function writeManifest(
  { ledger, store }: { ledger: Database; store: Pick<Store, "putBytes"> },
  id: number,
): Promise<void> {
  await store.putBytes(bucket, keyOf(id), Buffer.from(await manifestText(ledger, id)));
}

/**
 * Says in the copies of these publications that they left retention: a catalog that is recovered from them must not take
 * them for whole. A run that is killed before leaves some unsaid, and rollbacks to them are refused all the same.
 */
export async function noteExpired(
  { ledger, store }: { ledger: Database; store: Store },
  publications: readonly number[],
): Promise<void> {
  const { rows } = await ledger.query(
    "select id, to_jsonb(expired_at) as expired_at from branch.publication where id = any ($1)",
    [publications],
  );
  for (const { id, expired_at } of rows) {
    // An earlier release made it, and wrote no copy.
    if ((await store.metadataOf(bucket, keyOf(id))) === undefined) continue;
    const manifest = parseExactly(await store.getText(bucket, keyOf(id))) as { publication: object };
    const noted = { ...manifest, publication: { ...manifest.publication, expired_at } };
    await store.putBytes(bucket, keyOf(id), Buffer.from(stringifyExactly(noted)));
  }
}

/** Composed by PostgreSQL as text: its integers keep all their digits, and all of it is of one moment. */
async function manifestText(ledger: Database, id: number): Promise<string> {
  const { rows } = await ledger.query(
    `select jsonb_build_object(
         'format', 1,
         'publication', to_jsonb(publication),
         'tables', (
             select jsonb_agg(to_jsonb(t) - 'publication_id' order by table_namespace, table_name)
             from branch.publication_table as t where publication_id = publication.id),
         'pointers', (
             select jsonb_agg(to_jsonb(t) - 'catalog_name' order by table_namespace, table_name)
             from iceberg.iceberg_tables as t where catalog_name = 'lakehouse'),
         'namespaces', (
             select jsonb_agg(to_jsonb(n) - 'catalog_name' order by namespace, property_key)
             from iceberg.iceberg_namespace_properties as n where catalog_name = 'lakehouse'),
         'source_schemas', (select jsonb_agg(to_jsonb(s) order by source, version) from ledger.source_schema as s),
         'erasures', (
             select jsonb_agg(to_jsonb(e) - 'id' order by id) from ledger.erasure as e where finished_at is null)
     )::text as manifest
     from branch.publication where id = $1`,
    [id],
  );
  return rows[0].manifest;
}
