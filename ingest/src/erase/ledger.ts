/** What stands in the way of an erasure, what it ends, and those that were begun. */
import { stackBuckets } from "../buckets.ts";
import type { Database } from "../catalog.ts";
import { exitCode, ReelhouseError } from "../errors.ts";
import { batchName } from "../ledger.ts";
import type { Erasure } from "../publish/publish.ts";

/** Throws while something may hold the rows that an erasure does not look into. */
export async function requireReady(ledger: Database, sources: readonly string[]): Promise<void> {
  const { rows: branches } = await ledger.query(
    `select distinct catalog_name from iceberg.iceberg_tables
     where catalog_name not in ('lakehouse', 'audit', 'maintenance') and not starts_with(catalog_name, 'at_')`,
  );
  if (branches.length > 0) {
    const names = branches.map(({ catalog_name }) => catalog_name).join(", ");
    throw refusal(
      `erase: open branches may show the rows: ${names}`,
      "drop them first: reelhouse branch drop NAME",
    );
  }
  const { rows } = await ledger.query(
    "select source, source_file from ledger.batch where state in ('claimed', 'written') and source = any ($1)",
    [sources],
  );
  if (rows.length === 0) return;
  throw refusal(
    `erase: the load of ${rows.length} files is not finished, such as ${rows[0].source}: ${rows[0].source_file}`,
    "load them first: reelhouse ingest",
  );
}

const refusal = (message: string, next: string) => new ReelhouseError(message, exitCode.failed, { next });

/** The files of these sources that are held back: nobody has read them into bronze, and their originals are kept. */
export async function heldFiles(ledger: Database, sources: readonly string[]): Promise<string[]> {
  const { rows } = await ledger.query(
    "select source_file from ledger.batch where state = 'held' and source = any ($1) order by 1",
    [sources],
  );
  return rows.map(({ source_file }) => source_file);
}

/**
 * The publications before `before`, oldest first, whose tables may lie in files with rows of the batches: from the first
 * that was built from one of them on. A later build takes the rows away by a list of what is deleted, and keeps the file.
 */
export async function publicationsOf(
  ledger: Database,
  batches: Erasure["batches"],
  before: number = Number.MAX_SAFE_INTEGER,
): Promise<number[]> {
  const { rows } = await ledger.query(
    `select id from branch.publication where expired_at is null and id < $2
         and id >= (select min(id) from branch.publication where batches ?| $1)
     order by id`,
    [batches.map(batchName), before],
  );
  return rows.map(({ id }) => id);
}

/** Begun, and not finished: bronze has lost the rows, the store may still hold them. */
export async function openErasures(ledger: Database): Promise<Erasure> {
  const { rows } = await ledger.query(
    "select batches, objects from ledger.erasure where finished_at is null order by id",
  );
  return {
    batches: rows.flatMap(({ batches }) => batches),
    objects: rows.flatMap(({ objects }) => objects),
  };
}

/** And forgets why other readings of the same bytes were held back: it shows rows. */
export async function noteErased(ledger: Database): Promise<void> {
  await ledger.query(
    `with finished as (
         update ledger.erasure set finished_at = now() where finished_at is null returning batches
     )
     update ledger.batch as other set hold = null
     from finished, jsonb_to_recordset(finished.batches) as erased (source text, "batchId" text), ledger.batch
     where batch.source = erased.source and batch.batch_id = erased."batchId"
         and other.source = batch.source and other.content_hash = batch.content_hash and other.state <> 'held'`,
  );
}

/** Deliveries with the same bytes in the bucket `landing`, as loads found them: `s3://landing/...`. */
export async function landedCopies(ledger: Database, batches: Erasure["batches"]): Promise<string[]> {
  const { rows } = await ledger.query(
    `select location from ledger.landed_object
     where starts_with(location, 's3://landing/') and content_hash in (
         select content_hash from ledger.batch
         join jsonb_to_recordset($1) as erased (source text, "batchId" text)
             on batch.source = erased.source and batch_id = "batchId")
     order by 1`,
    [JSON.stringify(batches)],
  );
  return rows.map(({ location }) => location);
}

const originals = `s3://${stackBuckets.bronze}/originals/`;

/** The originals of all readings of the bytes that the batches were read from, theirs among them. */
export async function originalsOf(ledger: Database, batches: Erasure["batches"]): Promise<string[]> {
  const { rows } = await ledger.query(
    `select distinct $2 || other.source || '/' || other.batch_id as location
     from jsonb_to_recordset($1) as erased (source text, "batchId" text)
     join ledger.batch on batch.source = erased.source and batch.batch_id = "batchId"
     join ledger.batch as other on other.source = batch.source and other.content_hash = batch.content_hash`,
    [JSON.stringify(batches), originals],
  );
  return rows.map(({ location }) => location);
}

/** What the ledger names: the originals of all batches, and the objects of those that are about to count. */
export async function notedObjects(ledger: Database, sources: readonly string[]): Promise<string[]> {
  const { rows } = await ledger.query(
    `with noted as (select * from ledger.batch where source = any ($1))
     select $2 || source || '/' || batch_id as location from noted
     union all
     select unnest(row_objects || reject_object) from noted where state = 'written'`,
    [sources, originals],
  );
  return rows.flatMap(({ location }) => location ?? []);
}
