/** The commit: an entry in bronze.batches makes a batch count, then the ledger remembers it. */
import type { Database } from "../catalog.ts";
import { commitBatch, nextLoadOrder } from "../ledger.ts";
import { literal } from "../sql.ts";
import type { TrinoSession } from "../trino.ts";
import type { WrittenBatch } from "./batch.ts";

interface Tools {
  trino: TrinoSession;
  ledger: Database;
}

/**
 * Tells the ledger of batches that bronze.batches has and the ledger does not: a run was killed, or a reply was lost,
 * between the two. Called before anything else of a run, so that every later step can trust the ledger.
 */
export async function reconcileVisible({ trino, ledger }: Tools): Promise<void> {
  const { rows: claimed } = await ledger.query("select batch_id from ledger.batch where state = 'claimed'");
  if (claimed.length === 0) return;
  const { rows } = await trino.query(
    `SELECT source, batch_id, load_order, to_unixtime(committed_at), rows_read, rows_accepted, rows_quarantined
     FROM bronze.batches WHERE batch_id IN (${claimed.map((row) => literal(row.batch_id)).join(", ")})`,
  );
  for (const [source, batchId, loadOrder, seconds, rowsRead, rowsAccepted, rowsQuarantined] of rows) {
    await commitBatch(
      ledger,
      { source: String(source), batchId: String(batchId) },
      {
        rowsRead: Number(rowsRead),
        rowsAccepted: Number(rowsAccepted),
        rowsQuarantined: Number(rowsQuarantined),
        loadOrder: Number(loadOrder),
        committedAt: new Date(Number(seconds) * 1000),
      },
    );
  }
}

/** Makes all of `batches` count at once, and commits them in the ledger. */
export async function commitVisible({ trino, ledger }: Tools, batches: WrittenBatch[]): Promise<void> {
  if (batches.length === 0) return;
  const committedAt = new Date();
  const entries: { batch: WrittenBatch; loadOrder: number }[] = [];
  for (const batch of batches) entries.push({ batch, loadOrder: await nextLoadOrder(ledger) });
  const values = entries.map(
    ({ batch: { claim, counts }, loadOrder }) =>
      `(${literal(claim.source)}, ${literal(claim.batchId)}, ${literal(claim.sourceFile)}, ${loadOrder},
        ${counts.rowsRead}, ${counts.rowsAccepted}, ${counts.rowsQuarantined},
        TIMESTAMP '${committedAt.toISOString().replace("T", " ").replace("Z", " UTC")}')`,
  );
  await trino.query(`INSERT INTO bronze.batches VALUES ${values.join(",\n")}`);
  for (const { batch, loadOrder } of entries) {
    await commitBatch(ledger, batch.claim, { ...batch.counts, loadOrder, committedAt });
  }
}
