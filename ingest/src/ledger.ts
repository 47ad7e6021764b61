/** The ledger: what happened to each delivery. PostgreSQL's schema `ledger` (catalog/migrations). */
import { createHash } from "node:crypto";
import type { Database } from "./catalog.ts";

export interface Claim {
  source: string;
  /** 64 hex digits: the content's hash, or for a restatement one derived from it. Every object's name comes from it. */
  batchId: string;
  /** The name under which these bytes were first claimed: every object of the batch carries it. */
  sourceFile: string;
  claimedAt: Date;
  /**
   * claimed: nothing of it is part of a table; held: neither, and somebody must decide; written: its objects are on
   * the store, and may be part of their tables; committed: it counts; replaced: it did; dropped: it never will.
   */
  state: "claimed" | "held" | "written" | "committed" | "replaced" | "dropped";
  /** How often the same bytes had counted before. */
  restatement: number;
  /** The batch that stops counting when this one does. */
  replaces: string | undefined;
  /** Not held back again: somebody wants it loaded as it is, or the batch in whose place it comes counts already. */
  isReleased: boolean;
}

export interface Counts {
  rowsRead: number;
  rowsAccepted: number;
  rowsQuarantined: number;
}

/** What a written batch consists of. */
export interface Written {
  counts: Counts;
  /** Locations of the Parquet objects with its rows, which it may share with other batches. */
  rows: string[];
  /** Location of the Parquet object with its rejects; undefined if there is none. */
  rejects: string | undefined;
}

export interface DeliveredContent {
  source: string;
  /** sha256 of the file's bytes, hex. */
  contentHash: string;
  sourceFile: string;
  byteCount: number;
  runId: string;
}

/** The newest batch of these bytes, whatever has become of it. */
export async function findClaim(
  ledger: Database,
  { source, contentHash }: Pick<DeliveredContent, "source" | "contentHash">,
): Promise<Claim | undefined> {
  const { rows } = await ledger.query(
    `select * from ledger.batch where source = $1 and content_hash = $2 and state <> 'dropped'
     order by restatement desc limit 1`,
    [source, contentHash],
  );
  return rows[0] && claimOf(rows[0]);
}

/**
 * Claims (source, content hash) for this run. The same bytes claimed before, under any name, give that claim back:
 * what an interrupted run has done is then found again under the same names. Bytes whose newest batch, `earlier`, is
 * committed get a new batch, a restatement; with `replaces` it takes that one's place.
 */
export async function claimBatch(
  ledger: Database,
  { source, contentHash, sourceFile, byteCount, runId }: DeliveredContent,
  { earlier, replaces }: { earlier?: Claim | undefined; replaces?: string | undefined } = {},
): Promise<Claim> {
  const isOpen = earlier && earlier.state !== "committed" && earlier.state !== "replaced";
  const restatement = isOpen ? earlier.restatement : await nextRestatement(ledger, { source, contentHash });
  const { rows } = await ledger.query(
    `insert into ledger.batch
         (source, batch_id, content_hash, restatement, state, source_file, byte_count, run_id, replaces)
     values ($1, $2, $3, $4, 'claimed', $5, $6, $7, $8)
     on conflict (source, batch_id) do update set run_id = case ledger.batch.state
         when 'committed' then ledger.batch.run_id else excluded.run_id end
     returning *`,
    [
      ...[source, batchIdOf(contentHash, restatement), contentHash, restatement],
      ...[sourceFile, byteCount, runId, replaces ?? null],
    ],
  );
  return claimOf(rows[0]);
}

async function nextRestatement(
  ledger: Database,
  { source, contentHash }: Pick<DeliveredContent, "source" | "contentHash">,
): Promise<number> {
  const { rows } = await ledger.query(
    "select coalesce(max(restatement) + 1, 0) as next from ledger.batch where source = $1 and content_hash = $2",
    [source, contentHash],
  );
  return rows[0].next;
}

/** A batch's number of its own for each time that the same bytes count. */
function batchIdOf(contentHash: string, restatement: number): string {
  if (restatement === 0) return contentHash;
  return createHash("sha256").update(`${contentHash} restated ${restatement}`).digest("hex");
}

interface BatchRow {
  source: string;
  batch_id: string;
  state: Claim["state"];
  restatement: number;
  replaces: string | null;
  source_file: string;
  claimed_at: Date;
  released_at: Date | null;
}

const claimOf = (row: BatchRow): Claim => ({
  source: row.source,
  batchId: row.batch_id,
  state: row.state,
  restatement: row.restatement,
  replaces: row.replaces ?? undefined,
  sourceFile: row.source_file,
  claimedAt: row.claimed_at,
  isReleased: row.released_at !== null || row.replaces !== null,
});

/**
 * From here on the batches are not read again: what is on the store is what will count. All or none: of batches that
 * share an object, those that are not noted would be read again, and their rows come twice.
 */
export async function noteWritten(
  ledger: Database,
  batches: readonly (Written & { claim: Claim })[],
): Promise<void> {
  if (batches.length === 0) return;
  const notes = batches.map(({ claim: { source, batchId }, counts, rows, rejects }) => ({
    ...{ source, batchId, ...counts },
    ...{ rowObjects: rows, rejectObject: rejects ?? null },
  }));
  await ledger.query(
    `update ledger.batch set state = 'written', rows_read = "rowsRead", rows_accepted = "rowsAccepted",
         rows_quarantined = "rowsQuarantined", row_objects = "rowObjects", reject_object = "rejectObject"
     from jsonb_to_recordset($1) as written (
         source text, "batchId" text, "rowsRead" bigint, "rowsAccepted" bigint, "rowsQuarantined" bigint,
         "rowObjects" text[], "rejectObject" text)
     where batch.source = written.source and batch_id = "batchId" and state = 'claimed'`,
    [JSON.stringify(notes)],
  );
}

/** What an earlier run wrote for a batch in state `written`. */
export async function writtenObjects(ledger: Database, { source, batchId }: Claim): Promise<Written> {
  const { rows } = await ledger.query("select * from ledger.batch where source = $1 and batch_id = $2", [
    source,
    batchId,
  ]);
  const { rows_read, rows_accepted, rows_quarantined, row_objects, reject_object } = rows[0];
  return {
    counts: { rowsRead: rows_read, rowsAccepted: rows_accepted, rowsQuarantined: rows_quarantined },
    rows: row_objects,
    rejects: reject_object ?? undefined,
  };
}

/** A committed batch, with what a second reading needs. */
export interface LoadedBatch extends Claim {
  contentHash: string;
  byteCount: number;
  rowsQuarantined: number;
}

/** The batches of a source that have rows in quarantine, in load order; only those whose id begins with `id`. */
export async function loadedWithRejects(ledger: Database, source: string, id = ""): Promise<LoadedBatch[]> {
  const { rows } = await ledger.query(
    `select * from ledger.batch
     where source = $1 and state = 'committed' and rows_quarantined > 0 and starts_with(batch_id, $2)
     order by load_order`,
    [source, id],
  );
  return rows.map((row) => ({
    ...claimOf(row),
    contentHash: row.content_hash,
    byteCount: row.byte_count,
    rowsQuarantined: row.rows_quarantined,
  }));
}

/** A batch that shall not count after all. Its number is not used again: objects may have its name. */
export async function dropClaim(ledger: Database, { source, batchId }: Claim): Promise<void> {
  await ledger.query(
    "update ledger.batch set state = 'dropped' where source = $1 and batch_id = $2 and state in ('claimed', 'written')",
    [source, batchId],
  );
}

/** Why a batch is held back, for the one who decides about it. */
export interface Hold {
  reason: string;
  /** What would let it load. */
  next: string;
  details: Record<string, unknown>;
}

export async function holdBatch(ledger: Database, { source, batchId }: Claim, hold: Hold): Promise<void> {
  await ledger.query(
    `update ledger.batch set state = 'held', held_at = now(), hold = $3
     where source = $1 and batch_id = $2 and state <> 'committed'`,
    [source, batchId, JSON.stringify(hold)],
  );
}

export interface HeldBatch {
  batchId: string;
  source: string;
  file: string;
  heldAt: Date;
  hold: Hold;
}

/** What waits for a decision, oldest first. */
export async function heldBatches(ledger: Database): Promise<HeldBatch[]> {
  const { rows } = await ledger.query(
    "select batch_id, source, source_file, held_at, hold from ledger.batch where state = 'held' order by held_at",
  );
  return rows.map(({ batch_id, source, source_file, held_at, hold }) => ({
    batchId: batch_id,
    source,
    file: source_file,
    heldAt: held_at,
    hold,
  }));
}

/** What held it back does so no longer: its file was checked anew and passed. */
export async function resumeBatch(ledger: Database, { source, batchId }: Claim): Promise<void> {
  await ledger.query(
    "update ledger.batch set state = 'claimed' where source = $1 and batch_id = $2 and state = 'held'",
    [source, batchId],
  );
}

/** Lets the next load take held batches as they are: those whose id begins with `id`. Answers them. */
export async function releaseBatches(ledger: Database, id: string): Promise<Claim[]> {
  const { rows } = await ledger.query(
    `update ledger.batch set state = 'claimed', released_at = now()
     where starts_with(batch_id, $1) and state = 'held' returning *`,
    [id],
  );
  return rows.map(claimOf);
}

/** Released batches that are not loaded yet, oldest first: their bytes are kept, their files may be gone. */
export async function releasedClaims(ledger: Database, source: string): Promise<Claim[]> {
  const { rows } = await ledger.query(
    `select * from ledger.batch where source = $1 and state = 'claimed' and released_at is not null
     order by claimed_at`,
    [source],
  );
  return rows.map(claimOf);
}

/** The next load order: newest wins, so a batch takes it just before it becomes visible. */
export async function nextLoadOrder(ledger: Database): Promise<number> {
  const { rows } = await ledger.query("select nextval('ledger.load_order') as load_order");
  return rows[0].load_order;
}

/** The batch counts from now on; one that it replaces does no longer, and leaves its load order to it. */
export async function commitBatch(
  ledger: Database,
  { source, batchId }: Pick<Claim, "source" | "batchId">,
  { rowsRead, rowsAccepted, rowsQuarantined, loadOrder, committedAt }: Commit,
): Promise<void> {
  // One statement: both or none.
  await ledger.query(
    `with replaced as (
         update ledger.batch as old set state = 'replaced', load_order = null from ledger.batch as new
         where new.source = $1 and new.batch_id = $2 and old.source = new.source and old.batch_id = new.replaces
         returning old.batch_id
     )
     update ledger.batch set state = 'committed', rows_read = $3, rows_accepted = $4, rows_quarantined = $5,
         load_order = $6, committed_at = $7
     where source = $1 and batch_id = $2 and state <> 'committed'`,
    [source, batchId, rowsRead, rowsAccepted, rowsQuarantined, loadOrder, committedAt],
  );
}

export type Commit = Counts & { loadOrder: number; committedAt: Date };

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
