/** The ledger is read from what lies in bronze, through Trino, and written as the ledger writes it. */
import { widenBatches } from "../bronze/tables.ts";
import type { Database } from "../catalog.ts";
import { nextLoadOrders } from "../ledger.ts";
import type { Bucket } from "../objects/bucket.ts";
import type { TrinoSession } from "../trino.ts";
import type { Pointer } from "./bronze.ts";
import { type CountedBatch, type RecoveredBatch, recoverBatches } from "./ledger.ts";
import type { PublicationCopy } from "./publications.ts";

export async function readLedger(
  trino: TrinoSession,
  bronze: Bucket,
  pointers: readonly Pointer[],
): Promise<RecoveredBatch[]> {
  const hasBatches = pointers.some(({ table_name }) => table_name === "batches");
  const counted = Map.groupBy(hasBatches ? await countedBatches(trino) : [], ({ source }) => source);
  const originals = await originalsBySource(bronze);
  const sources = new Set([...counted.keys(), ...originals.keys()]);
  return [...sources].flatMap((source) =>
    recoverBatches(source, counted.get(source) ?? [], originals.get(source) ?? new Map()),
  );
}

async function countedBatches(trino: TrinoSession): Promise<CountedBatch[]> {
  await widenBatches(trino);
  const time = (column: string) => `to_iso8601(${column} AT TIME ZONE 'UTC')`;
  const { rows } = await trino.query(
    `SELECT source, batch_id, source_file, load_order, rows_read, rows_accepted, rows_quarantined,
       ${time("committed_at")}, ${time("excluded_at")} FROM bronze.batches`,
  );
  return rows.map(
    ([source, batchId, sourceFile, loadOrder, read, accepted, quarantined, committed, excluded]) => ({
      ...{ source: String(source), batchId: String(batchId), sourceFile: String(sourceFile) },
      ...{ loadOrder: Number(loadOrder), rowsRead: Number(read), rowsAccepted: Number(accepted) },
      rowsQuarantined: Number(quarantined),
      committedAt: String(committed),
      excludedAt: excluded === null ? null : String(excluded),
    }),
  );
}

/** source -> batch id -> bytes: `originals/<source>/<batch id>`. */
async function originalsBySource(bronze: Bucket): Promise<Map<string, Map<string, number>>> {
  const bySource = new Map<string, Map<string, number>>();
  for (const { key, byteCount } of await bronze.list("originals/", { recursive: true })) {
    const [, source = "", batchId = ""] = key.split("/");
    const own = bySource.get(source) ?? new Map<string, number>();
    bySource.set(source, own.set(batchId, byteCount));
  }
  return bySource;
}

/** Again after a recovery that was interrupted: what is there stays. */
export async function fillLedger(
  ledger: Database,
  batches: readonly RecoveredBatch[],
  { schemas, erasures }: Pick<PublicationCopy, "schemas" | "erasures">,
): Promise<void> {
  await insertBatches(ledger, batches);
  await insertErasures(ledger, erasures);

  await ledger.query(
    `insert into ledger.source_schema
     select * from jsonb_populate_recordset(null::ledger.source_schema, $1) on conflict do nothing`,
    [JSON.stringify(schemas)],
  );
  // Those that are given away once more would not be the newest.
  await nextLoadOrders(ledger, Math.max(0, ...batches.map(({ loadOrder }) => loadOrder ?? 0)));
}

/** Bronze has lost the rows; the same command once more removes what held them. */
async function insertErasures(ledger: Database, erasures: PublicationCopy["erasures"]): Promise<void> {
  await ledger.query(
    `with begun as (
         insert into ledger.erasure (run_id, begun_at, publication_id, batches, objects)
         select run_id, begun_at, publication_id, batches, objects
         from jsonb_populate_recordset(null::ledger.erasure, $1)
         where not exists (select from ledger.erasure)
         returning batches
     )
     update ledger.batch as batch set erased_at = now()
     from begun, jsonb_to_recordset(begun.batches) as erased (source text, "batchId" text)
     where batch.source = erased.source and batch_id = "batchId"`,
    [JSON.stringify(erasures)],
  );
}

async function insertBatches(ledger: Database, batches: readonly RecoveredBatch[]): Promise<void> {
  await ledger.query(
    `insert into ledger.batch (
         source, batch_id, content_hash, restatement, state, source_file, byte_count, replaces, run_id, load_order,
         rows_read, rows_accepted, rows_quarantined, claimed_at, committed_at, excluded_at, erased_at)
     select source, "batchId", "contentHash", restatement, state, "sourceFile", "byteCount", replaces, 'recovered',
         "loadOrder", "rowsRead", "rowsAccepted", "rowsQuarantined", coalesce("committedAt", now()), "committedAt",
         "excludedAt", case when "isErased" then now() end
     from jsonb_to_recordset($1) as batch (
         source text, "batchId" text, "contentHash" text, restatement integer, state text, "sourceFile" text,
         "byteCount" bigint, replaces text, "loadOrder" bigint, "rowsRead" bigint, "rowsAccepted" bigint,
         "rowsQuarantined" bigint, "committedAt" timestamptz, "excludedAt" timestamptz, "isErased" boolean)
     on conflict (source, batch_id) do nothing`,
    [JSON.stringify(batches)],
  );
}
