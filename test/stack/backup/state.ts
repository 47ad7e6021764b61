/** What a catalog and a backup hold, short enough to be compared. */
import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createGunzip } from "node:zlib";
import type { Stack } from "../stack.ts";

/** Everything of the catalog that can be recovered from the object store. */
export async function recoverable(stack: Stack): Promise<Record<string, string>> {
  const tables = {
    pointers: "select * from iceberg.iceberg_tables where catalog_name = 'lakehouse'",
    namespaces: "select * from iceberg.iceberg_namespace_properties where catalog_name = 'lakehouse'",
    publications: "select * from branch.publication",
    tables: "select * from branch.publication_table",
    schemas: "select source, version, columns, origin, run_id from ledger.source_schema",
    batches: `select source, batch_id, state, source_file, erased_at is not null as erased,
        -- nothing tells of an original that is gone
        case when erased_at is null then byte_count end as byte_count, rows_read, rows_accepted, rows_quarantined,
        load_order, committed_at, content_hash, restatement, replaces from ledger.batch
        where state in ('committed', 'excluded')`,
  };
  const found: Record<string, string> = {};
  for (const [name, sql] of Object.entries(tables))
    found[name] = await stack.catalogQuery(`select to_jsonb(t) from (${sql}) as t order by 1`);
  return found;
}

/** As a new volume has it: for a recovery where the servers are not what a test is about. */
export const emptyCatalog = (stack: Stack) =>
  stack.catalogQuery(`do $$ begin execute (
    select 'truncate ' || string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_tables
    where schemaname not in ('public', 'pg_catalog', 'information_schema')); end $$`);

/** A backup without its name and times: rows of the database, and the content of each object. */
export async function contents(folder: string): Promise<{ rows: string[]; objects: string[] }> {
  const dump = createReadStream(join(folder, "catalog.sql.gz")).pipe(createGunzip());
  const lines = (await text(dump)).split("\n");
  const objects = readFileSync(join(folder, "objects.ndjson"), "utf8").trim().split("\n");
  return {
    // What pg_dump marks with a secret of its own.
    rows: lines.filter((line) => !line.startsWith("\\")).sort(),
    objects: objects
      .map((line) => JSON.parse(line))
      .map(({ bucket, key, byteCount, sha256 }) => `${bucket}/${key} ${byteCount} ${sha256}`)
      .sort(),
  };
}
