/** The ledger: what happened to each delivery. PostgreSQL's schema `ledger` (catalog/migrations). */
import type { Database } from "./catalog.ts";

export interface Claim {
  source: string;
  /** sha256 of the file's bytes, hex. */
  batchId: string;
  /** The name under which these bytes were first claimed: every object of the batch carries it. */
  sourceFile: string;
  claimedAt: Date;
  state: "claimed" | "committed";
}

export interface Counts {
  rowsRead: number;
  rowsAccepted: number;
  rowsQuarantined: number;
}

/**
 * Claims (source, content hash) for this run. The same bytes claimed before, under any name, give that claim back:
 * what an interrupted run has written is then found again under the same names.
 */
export async function claimBatch(
  ledger: Database,
  batch: { source: string; batchId: string; sourceFile: string; byteCount: number; runId: string },
): Promise<Claim> {
  const { rows } = await ledger.query(
    `insert into ledger.batch (source, batch_id, state, source_file, byte_count, run_id)
     values ($1, $2, 'claimed', $3, $4, $5)
     on conflict (source, batch_id) do update set run_id = case ledger.batch.state
         when 'claimed' then excluded.run_id else ledger.batch.run_id end
     returning state, source_file, claimed_at`,
    [batch.source, batch.batchId, batch.sourceFile, batch.byteCount, batch.runId],
  );
  const { state, source_file, claimed_at } = rows[0];
  return {
    source: batch.source,
    batchId: batch.batchId,
    state,
    sourceFile: source_file,
    claimedAt: claimed_at,
  };
}

/** The next load order: newest wins, so a batch takes it just before it becomes visible. */
export async function nextLoadOrder(ledger: Database): Promise<number> {
  const { rows } = await ledger.query("select nextval('ledger.load_order') as load_order");
  return rows[0].load_order;
}

export async function commitBatch(
  ledger: Database,
  claim: Pick<Claim, "source" | "batchId">,
  counts: Counts & { loadOrder: number; committedAt: Date },
): Promise<void> {
  await ledger.query(
    `update ledger.batch set state = 'committed', rows_read = $3, rows_accepted = $4, rows_quarantined = $5,
         load_order = $6, committed_at = $7
     where source = $1 and batch_id = $2 and state = 'claimed'`,
    [
      claim.source,
      claim.batchId,
      counts.rowsRead,
      counts.rowsAccepted,
      counts.rowsQuarantined,
      counts.loadOrder,
      counts.committedAt,
    ],
  );
}

export interface Refusal {
  source: string;
  /** As the user knows it: the host's path. */
  sourceFile: string;
  message: string;
}

/**
 * Notes what this run refused, in the place of what an earlier run with the same configuration did. Of other
 * configurations only what a new file has made up for is forgotten: refusals of the sources `renewed`.
 */
export async function replaceRefusals(
  ledger: Database,
  refusals: readonly Refusal[],
  {
    configuration,
    sources,
    renewed,
    runId,
  }: { configuration: string; sources: string[]; renewed: string[]; runId: string },
): Promise<void> {
  // One statement, so that a run that is killed leaves the earlier refusals.
  await ledger.query(
    `with refused as (
         select * from jsonb_to_recordset($5) as refused (source text, "sourceFile" text, message text)
     ), forgotten as (
         delete from ledger.refusal
         where ((configuration = $1 and source = any ($2)) or source = any ($3))
             and (configuration, source, source_file) not in (select $1, source, "sourceFile" from refused)
     )
     insert into ledger.refusal (configuration, source, source_file, message, run_id)
     select $1, source, "sourceFile", message, $4 from refused
     on conflict (configuration, source, source_file) do update
     set message = excluded.message, run_id = excluded.run_id, refused_at = now()`,
    [configuration, sources, renewed, runId, JSON.stringify(refusals)],
  );
}

/** The sources whose latest delivery was refused, in the order of the alphabet. */
export async function refusedSources(ledger: Database): Promise<string[]> {
  const { rows } = await ledger.query("select distinct source from ledger.refusal order by source");
  return rows.map(({ source }) => source);
}

export async function beginRun(ledger: Database, runId: string, command: string): Promise<void> {
  await ledger.query("insert into ledger.run (run_id, command) values ($1, $2)", [runId, command]);
}

export async function endRun(ledger: Database, runId: string, exitCode: number): Promise<void> {
  await ledger.query("update ledger.run set finished_at = now(), exit_code = $2 where run_id = $1", [
    runId,
    exitCode,
  ]);
}

/** Committed batches as `source/batchId`, sorted: the input of a build. */
export async function committedBatches(ledger: Database): Promise<string[]> {
  const { rows } = await ledger.query(
    "select source || '/' || batch_id as batch from ledger.batch where state = 'committed' order by load_order",
  );
  return rows.map((row) => row.batch);
}
