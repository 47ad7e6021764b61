/** The commit: an entry in bronze.batches makes a batch count, then the ledger remembers it. */
import type { Database } from "../catalog.ts";
import { type Claim, commitBatch, nextLoadOrder } from "../ledger.ts";
import { literal, type TrinoSession } from "../trino.ts";
import type { WrittenBatch } from "./batch.ts";

interface Entry {
  loadOrder: number;
  committedAt: Date;
}
/** Entries of bronze.batches by `source/batchId`. */
export type VisibleBatches = Map<string, Entry>;

const keyOf = ({ source, batchId }: Pick<Claim, "source" | "batchId">) => `${source}/${batchId}`;

/** Which of `batches` are in bronze.batches: a run may have been killed before the ledger knew. */
export async function findVisible(trino: TrinoSession, batches: WrittenBatch[]): Promise<VisibleBatches> {
  if (batches.length === 0) return new Map();
  const { rows } = await trino.query(
    `SELECT source, batch_id, load_order, to_unixtime(committed_at) FROM bronze.batches
     WHERE batch_id IN (${batches.map(({ claim }) => literal(claim.batchId)).join(", ")})`,
  );
  return new Map(
    rows.map(([source, batchId, loadOrder, seconds]) => [
      keyOf({ source: String(source), batchId: String(batchId) }),
      { loadOrder: Number(loadOrder), committedAt: new Date(Number(seconds) * 1000) },
    ]),
  );
}

/** Makes all of `batches` count at once, those of `visible` excepted, and commits them in the ledger. */
export async function commitVisible(
  { trino, ledger }: { trino: TrinoSession; ledger: Database },
  batches: WrittenBatch[],
  visible: VisibleBatches,
): Promise<void> {
  const committedAt = new Date();
  const values: string[] = [];
  for (const { claim, counts } of batches) {
    if (visible.has(keyOf(claim))) continue;
    const loadOrder = await nextLoadOrder(ledger);
    visible.set(keyOf(claim), { loadOrder, committedAt });
    values.push(
      `(${literal(claim.source)}, ${literal(claim.batchId)}, ${literal(claim.sourceFile)}, ${loadOrder},
        ${counts.rowsRead}, ${counts.rowsAccepted}, ${counts.rowsQuarantined},
        TIMESTAMP '${committedAt.toISOString().replace("T", " ").replace("Z", " UTC")}')`,
    );
  }
  if (values.length > 0) await trino.query(`INSERT INTO bronze.batches VALUES ${values.join(",\n")}`);
  for (const { claim, counts } of batches) {
    const entry = visible.get(keyOf(claim));
    if (entry) await commitBatch(ledger, claim, { ...counts, ...entry });
  }
}
