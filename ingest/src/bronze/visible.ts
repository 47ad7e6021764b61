/**
 * From objects to rows that count: the objects become part of their tables, an entry in bronze.batches makes a batch
 * count, then the ledger remembers it.
 */
import type { Database } from "../catalog.ts";
import type { IngestResult, LoadTools } from "../ingest.ts";
import { type Claim, commitBatches, nextLoadOrders, type Written } from "../ledger.ts";
import { literal } from "../sql.ts";
import type { TrinoSession } from "../trino.ts";
import { addMissingColumns, type BronzeTables, batchColumns, registerObject, textColumns } from "./tables.ts";

/** A batch whose objects are on the store, as the ledger has noted; `columns` as bronze names them. */
export interface WrittenBatch extends Written {
  claim: Claim;
  columns: string[];
}

interface Tools {
  trino: TrinoSession;
  ledger: Database;
}

/**
 * Tells the ledger of batches that bronze.batches has and the ledger does not: a run was killed, or a reply was lost,
 * between the two. Called before anything else of a run, so that every later step can trust the ledger.
 */
export async function reconcileVisible({ trino, ledger }: Tools): Promise<void> {
  const { rows: claimed } = await ledger.query(
    "select batch_id from ledger.batch where state in ('claimed', 'written')",
  );
  for (const ids of chunksOf(claimed, idsPerQuery)) {
    const { rows } = await trino.query(
      `SELECT source, batch_id, load_order, to_unixtime(committed_at), rows_read, rows_accepted, rows_quarantined
       FROM bronze.batches WHERE batch_id IN (${ids.map((row) => literal(row.batch_id)).join(", ")})`,
    );
    const commits = rows.map(
      ([source, batchId, loadOrder, seconds, rowsRead, rowsAccepted, rowsQuarantined]) => ({
        source: String(source),
        batchId: String(batchId),
        rowsRead: Number(rowsRead),
        rowsAccepted: Number(rowsAccepted),
        rowsQuarantined: Number(rowsQuarantined),
        loadOrder: Number(loadOrder),
        committedAt: new Date(Number(seconds) * 1000),
      }),
    );
    if (commits.length > 0) await commitBatches(ledger, commits);
  }
}

/** A statement of Trino's has at most a million characters. */
const entriesPerCommit = 400;
const idsPerQuery = 4000;

const chunksOf = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );

/**
 * Registers all objects, then lets the batches count, many in a commit and in the order they were read. `tables`: as they
 * were when the run began; nobody else changes them meanwhile.
 */
export async function makeVisible(
  written: WrittenBatch[],
  tables: BronzeTables,
  { trino, ledger, report, signal }: LoadTools,
): Promise<IngestResult["loaded"]> {
  const bySource = Map.groupBy(written, ({ claim }) => claim.source);
  await Promise.all(
    [...bySource].map(([source, batches]) => registerRows(source, batches, tables, { trino, report })),
  );
  await registerObjects(
    trino,
    "quarantine",
    written.flatMap(({ rejects }) => rejects ?? []),
  );
  signal.throwIfAborted();
  await commitVisible({ trino, ledger }, written);
  return written.map(({ claim, counts: { rowsAccepted, rowsQuarantined } }) => {
    const delivery = { source: claim.source, file: claim.sourceFile, batchId: claim.batchId };
    const rejected = rowsQuarantined > 0 ? `, ${rowsQuarantined} to bronze.quarantine` : "";
    report.info("loaded", `${claim.source}: ${claim.sourceFile}: ${rowsAccepted} rows${rejected}`, delivery);
    return { ...delivery, rowsAccepted, rowsQuarantined };
  });
}

async function registerRows(
  source: string,
  batches: WrittenBatch[],
  tables: BronzeTables,
  { trino, report }: Pick<LoadTools, "trino" | "report">,
): Promise<void> {
  const columns = textColumns([...new Set(batches.flatMap((batch) => batch.columns))]);
  const added = await addMissingColumns(trino, source, columns, tables);
  if (added.length > 0)
    report.info("columns_added", `${source}: new columns ${added.join(", ")}`, { source, added });
  await registerObjects(
    trino,
    source,
    batches.flatMap(({ rows }) => rows),
  );
}

/** Each once: batches may share an object. */
async function registerObjects(trino: TrinoSession, table: string, locations: string[]): Promise<void> {
  for (const location of new Set(locations)) await registerObject(trino, table, location);
}

/**
 * Makes all of `batches` count, and commits them in the ledger. A batch that replaces another takes its entry, load
 * order included, in the same commit.
 */
async function commitVisible({ trino, ledger }: Tools, batches: WrittenBatch[]): Promise<void> {
  if (batches.length === 0) return;
  const committedAt = new Date();
  const added: string[] = [];
  const replacing: string[] = [];
  const loadOrders = await nextLoadOrders(ledger, batches.length);
  for (const [index, batch] of batches.entries()) {
    const entry = entryOf(batch, loadOrders[index] as number, committedAt);
    (batch.claim.replaces === undefined ? added : replacing).push(entry);
  }
  for (const entries of chunksOf(added, entriesPerCommit))
    await trino.query(
      `INSERT INTO bronze.batches (${entryColumns.join(", ")}) VALUES ${entries.join(",\n")}`,
    );
  for (const entry of replacing) await trino.query(replacement(entry));
  await reconcileVisible({ trino, ledger });
}

const entryColumns = batchColumns.map(({ name }) => name).filter((name) => name !== "excluded_at");

/** One commit: the old batch's entry becomes the new one's. Done before, it finds no old entry and does nothing. */
function replacement(entry: string): string {
  const changes = entryColumns.filter((name) => name !== "source" && name !== "load_order");
  return `MERGE INTO bronze.batches AS entry
    USING (VALUES ${entry}) AS batch (${entryColumns.join(", ")}, replaces)
    ON entry.source = batch.source AND entry.batch_id = batch.replaces
    WHEN MATCHED THEN UPDATE SET ${changes.map((name) => `${name} = batch.${name}`).join(", ")}`;
}

/** In the order of `entryColumns`, then what it replaces, if it does. */
function entryOf({ claim, counts }: WrittenBatch, loadOrder: number, committedAt: Date): string {
  const time = `TIMESTAMP '${committedAt.toISOString().replace("T", " ").replace("Z", " UTC")}'`;
  const texts = [claim.source, claim.batchId, claim.sourceFile].map(literal);
  const numbers = [loadOrder, counts.rowsRead, counts.rowsAccepted, counts.rowsQuarantined];
  const replaced = claim.replaces === undefined ? [] : [literal(claim.replaces)];
  return `(${[...texts, ...numbers, time, ...replaced].join(", ")})`;
}
