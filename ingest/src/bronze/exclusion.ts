/**
 * Batches that shall not count: their rows stay in bronze, and staging leaves them out. bronze.batches decides, as it
 * does for everything that counts; the ledger follows.
 */
import type { Database } from "../catalog.ts";
import { askExclusion, exclusionsAsked, type LoadedKey, settleExclusion } from "../ledger.ts";
import { literal } from "../sql.ts";
import type { TrinoSession } from "../trino.ts";

interface Tools {
  trino: TrinoSession;
  ledger: Database;
}

/** Lets batches that are loaded count no more, or again, all in one commit. Under the run lock. */
export async function setExcluded(
  { trino, ledger }: Tools,
  batches: readonly LoadedKey[],
  excluded: boolean,
): Promise<void> {
  if (batches.length === 0) return;
  // First, so that a run that is killed between the two leaves a note of where to look.
  await askExclusion(ledger, batches);
  const value = excluded ? "current_timestamp(6)" : "NULL";
  await trino.query(`UPDATE bronze.batches SET excluded_at = ${value} WHERE ${anyOf(batches)}`);
  await settleExclusions({ trino, ledger });
}

/** Tells the ledger how it ended: a run was killed, or a reply was lost, between bronze.batches and the ledger. */
export async function settleExclusions({ trino, ledger }: Tools): Promise<void> {
  const asked = await exclusionsAsked(ledger);
  if (asked.length === 0) return;
  const { rows } = await trino.query(
    `SELECT source, batch_id, to_unixtime(excluded_at) FROM bronze.batches WHERE ${anyOf(asked)}`,
  );
  for (const [source, batchId, seconds] of rows) {
    const excludedAt = seconds === null ? undefined : new Date(Number(seconds) * 1000);
    await settleExclusion(ledger, { source: String(source), batchId: String(batchId) }, excludedAt);
  }
}

const anyOf = (batches: readonly LoadedKey[]) =>
  [...Map.groupBy(batches, ({ source }) => source)]
    .map(([source, members]) => {
      const ids = members.map(({ batchId }) => literal(batchId)).join(", ");
      return `(source = ${literal(source)} AND batch_id IN (${ids}))`;
    })
    .join(" OR ");
