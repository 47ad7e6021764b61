/** The ledger: what happened to each delivery. PostgreSQL's schema `ledger` (catalog/migrations). */
import { createHash } from "node:crypto";
import type { Database } from "./catalog.ts";
import type { NewVersion } from "./drift/registry.ts";

export interface Claim {
  source: string;
  /** 64 hex digits: the content's hash, or for a restatement one derived from it. Every object's name comes from it. */
  batchId: string;
  /** The name under which these bytes were first claimed: every object of the batch carries it. */
  sourceFile: string;
  claimedAt: Date;
  /**
   * claimed: nothing of it is part of a table; held: neither, and somebody must decide; written: its objects are on
   * the store, and may be part of their tables; committed: it counts; excluded: it is loaded, and somebody wants it
   * not to count; replaced: it did; dropped: it never will.
   */
  state: "claimed" | "held" | "written" | "committed" | "excluded" | "replaced" | "dropped";
  /** How often the same bytes had counted before. */
  restatement: number;
  /** The batch that stops counting when this one does. */
  replaces: string | undefined;
  /** Not held back again: somebody wants it loaded as it is, or the batch in whose place it comes counts already. */
  isReleased: boolean;
  /** Rows of it were erased: its bytes are not read again. */
  isErased: boolean;
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

/** What became of some bytes before. */
export interface Known {
  /** Their newest batch that was not dropped. */
  newest: Claim | undefined;
  /** The number that their next batch would have: 0 for bytes that never came. */
  nextRestatement: number;
}

const neverCame: Known = Object.freeze({ newest: undefined, nextRestatement: 0 });

/** Asks for the bytes with these hashes; the answer tells what is known of each of them. */
export async function findKnown(
  ledger: Database,
  source: string,
  contentHashes: readonly string[],
): Promise<(contentHash: string) => Known> {
  const { rows } = await ledger.query(
    `select distinct on (content_hash) *,
         max(restatement) over (partition by content_hash) + 1 as next_restatement
     from ledger.batch where source = $1 and content_hash = any ($2)
     order by content_hash, state = 'dropped', restatement desc`,
    [source, contentHashes],
  );
  const known = new Map(
    rows.map((row): [string, Known] => [
      row.content_hash,
      {
        newest: row.state === "dropped" ? undefined : claimOf(row),
        nextRestatement: row.next_restatement,
      },
    ]),
  );
  return (contentHash) => known.get(contentHash) ?? neverCame;
}

/**
 * Claims (source, content hash) for this run. The same bytes claimed before, under any name, give that claim back:
 * what an interrupted run has done is then found again under the same names. Bytes whose newest batch is loaded get a
 * new batch, a restatement; with `replaces` it takes that one's place.
 */
export async function claimBatch(
  ledger: Database,
  { source, contentHash, sourceFile, byteCount, runId }: DeliveredContent,
  known: Known,
  replaces?: string,
): Promise<Claim> {
  const restatement = restatementOf(known);
  // Not waiting for the disk, ten thousand small files are claimed in seconds. A claim that a crash of PostgreSQL takes
  // away was of no use yet: what comes of it is noted later, by a statement that waits, and all before that with it.
  const { rows } = await ledger.query(
    `insert into ledger.batch
         (source, batch_id, content_hash, restatement, state, source_file, byte_count, run_id, replaces)
     select $1, $2, $3, $4, 'claimed', $5, $6, $7, $8 from set_config('synchronous_commit', 'off', true)
     on conflict (source, batch_id) do update set run_id = case ledger.batch.state
         when 'committed' then ledger.batch.run_id else excluded.run_id end
     returning *`,
    [
      ...[source, batchIdOf(contentHash, known), contentHash, restatement],
      ...[sourceFile, byteCount, runId, replaces ?? null],
    ],
  );
  return claimOf(rows[0]);
}

/** Whether the bytes are in bronze, all of them, for good. */
export const isLoaded = ({ state }: Claim) => state === "committed" || state === "excluded";

/** Bytes whose newest batch is not finished go on with it. */
function restatementOf({ newest, nextRestatement }: Known): number {
  const isOpen = newest && !isLoaded(newest) && newest.state !== "replaced";
  return isOpen ? newest.restatement : nextRestatement;
}

/** The batch that bytes are claimed as: an id of its own for each time that they count. */
export function batchIdOf(contentHash: string, known: Known): string {
  const restatement = restatementOf(known);
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
  erased_at: Date | null;
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
  isErased: row.erased_at !== null,
});

/**
 * From here on the batches are not read again: what is on the store is what will count, and so do the `versions` of
 * their sources' schemas that they bring. All or none: of batches that share an object, those that are not noted would
 * be read again, and their rows come twice.
 */
export async function noteWritten(
  ledger: Database,
  batches: readonly (Written & { claim: Claim; columns: readonly string[] })[],
  { versions, runId }: { versions: readonly NewVersion[]; runId: string },
): Promise<void> {
  if (batches.length === 0) return;
  const notes = batches.map(({ claim: { source, batchId }, counts, rows, rejects, columns }) => ({
    ...{ source, batchId, ...counts },
    ...{ rowObjects: rows, rejectObject: rejects ?? null, rowColumns: columns },
  }));
  const schemas = versions.map(({ source, schema, origin }) => ({ source, ...schema, origin }));
  await ledger.query(
    `with registered as (
         insert into ledger.source_schema (source, version, columns, origin, run_id)
         select source, version, columns, origin, $3
         from jsonb_to_recordset($2) as brought (source text, version integer, columns jsonb, origin text)
         on conflict (source, version) do nothing
     )
     update ledger.batch set state = 'written', rows_read = "rowsRead", rows_accepted = "rowsAccepted",
         rows_quarantined = "rowsQuarantined", row_objects = "rowObjects", reject_object = "rejectObject",
         row_columns = "rowColumns"
     from jsonb_to_recordset($1) as written (
         source text, "batchId" text, "rowsRead" bigint, "rowsAccepted" bigint, "rowsQuarantined" bigint,
         "rowObjects" text[], "rejectObject" text, "rowColumns" text[])
     where batch.source = written.source and batch_id = "batchId" and state = 'claimed'`,
    [JSON.stringify(notes), JSON.stringify(schemas), runId],
  );
}

/** What an earlier run wrote for a batch in state `written`; without `columns` if an earlier release did. */
export async function writtenObjects(
  ledger: Database,
  { source, batchId }: Claim,
): Promise<Written & { columns: string[] | undefined }> {
  const { rows } = await ledger.query("select * from ledger.batch where source = $1 and batch_id = $2", [
    source,
    batchId,
  ]);
  const { rows_read, rows_accepted, rows_quarantined, row_objects, reject_object, row_columns } = rows[0];
  return {
    counts: { rowsRead: rows_read, rowsAccepted: rows_accepted, rowsQuarantined: rows_quarantined },
    rows: row_objects,
    rejects: reject_object ?? undefined,
    columns: row_columns ?? undefined,
  };
}

/** A committed batch, with what a second reading needs. */
export interface LoadedBatch extends Claim {
  contentHash: string;
  byteCount: number;
  rowsQuarantined: number;
}

/**
 * The batches of a source that have rows in quarantine and bytes to be read again, in load order; only those whose id
 * begins with `id`.
 */
export async function loadedWithRejects(ledger: Database, source: string, id = ""): Promise<LoadedBatch[]> {
  const { rows } = await ledger.query(
    `select * from ledger.batch
     where source = $1 and state = 'committed' and rows_quarantined > 0 and erased_at is null and starts_with(batch_id, $2)
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

/** As if the bytes had never come. No object of a claim is part of a table yet, so its number may be used again. */
export async function forgetClaim(ledger: Database, { source, batchId }: Claim): Promise<void> {
  await ledger.query("delete from ledger.batch where source = $1 and batch_id = $2 and state = 'claimed'", [
    source,
    batchId,
  ]);
}

/**
 * After all files of these sources were looked at: what is claimed still was begun by a run that was killed, and its file
 * is gone.
 */
export async function forgetUnfinished(ledger: Database, sources: readonly string[]): Promise<void> {
  await ledger.query(
    "delete from ledger.batch where source = any ($1) and state = 'claimed' and released_at is null",
    [sources],
  );
}

/**
 * What was read again and is not in the place of the old batch yet never will be: whether it is better is known only
 * when it was read to its end, by the replay itself.
 */
export async function dropReplays(ledger: Database): Promise<void> {
  await ledger.query(
    "update ledger.batch set state = 'dropped' where replaces is not null and state in ('claimed', 'written', 'held')",
  );
}

/** Why a batch is held back, for the one who decides about it. */
export interface Hold {
  reason: string;
  /** What would let it load. */
  next: string;
  details: Record<string, unknown>;
}

/** It is held since the first time; the reason is today's. */
export async function holdBatch(ledger: Database, { source, batchId }: Claim, hold: Hold): Promise<void> {
  await ledger.query(
    `update ledger.batch set state = 'held', held_at = coalesce(held_at, now()), hold = $3
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

/** Lets the next load take a held batch as it is. */
export async function releaseBatch(ledger: Database, { source, batchId }: LoadedKey): Promise<void> {
  await ledger.query(
    `update ledger.batch set state = 'claimed', released_at = now()
     where source = $1 and batch_id = $2 and state = 'held'`,
    [source, batchId],
  );
}

/** Which batch: the same bytes may be loaded for two sources. */
export type LoadedKey = Pick<Claim, "source" | "batchId">;

export interface LoadedDelivery extends LoadedKey {
  state: "committed" | "excluded";
  file: string;
  rows: number;
  committedAt: Date;
  excludedAt: Date | null;
}

/** What is loaded, newest first; only those whose id begins with `id`, and in `state`. */
export async function loadedDeliveries(
  ledger: Database,
  { id = "", state }: { id?: string; state?: LoadedDelivery["state"] } = {},
): Promise<LoadedDelivery[]> {
  const { rows } = await ledger.query(
    `select * from ledger.batch
     where state in ('committed', 'excluded') and starts_with(batch_id, $1) and state = coalesce($2, state)
     order by load_order desc`,
    [id, state ?? null],
  );
  return rows.map((row) => ({
    source: row.source,
    batchId: row.batch_id,
    state: row.state,
    file: row.source_file,
    rows: row.rows_accepted,
    committedAt: row.committed_at,
    excludedAt: row.excluded_at,
  }));
}

/** Notes that bronze.batches is about to say whether they count. */
export async function askExclusion(ledger: Database, batches: readonly LoadedKey[]): Promise<void> {
  await ledger.query(
    `update ledger.batch set exclusion_asked_at = now()
     where (source, batch_id) in (
         select * from jsonb_to_recordset($1) as asked (source text, "batchId" text))`,
    [JSON.stringify(batches)],
  );
}

/** The batches of which bronze.batches may say something else than the ledger. */
export async function exclusionsAsked(ledger: Database): Promise<LoadedKey[]> {
  const { rows } = await ledger.query(
    "select source, batch_id from ledger.batch where exclusion_asked_at is not null",
  );
  return rows.map(({ source, batch_id }) => ({ source, batchId: batch_id }));
}

/** Whether it counts, as bronze.batches has it; `excludedAt` undefined: it does. */
export async function settleExclusion(
  ledger: Database,
  { source, batchId }: LoadedKey,
  excludedAt: Date | undefined,
): Promise<void> {
  await ledger.query(
    `update ledger.batch set exclusion_asked_at = null, excluded_at = $3::timestamptz,
         state = case when $3::timestamptz is null then 'committed' else 'excluded' end
     where source = $1 and batch_id = $2`,
    [source, batchId, excludedAt ?? null],
  );
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

/** What is on the store and does not count yet, oldest first: a run was interrupted. */
export async function writtenClaims(ledger: Database, source: string): Promise<Claim[]> {
  const { rows } = await ledger.query(
    "select * from ledger.batch where source = $1 and state = 'written' and replaces is null order by claimed_at",
    [source],
  );
  return rows.map(claimOf);
}

/** The next load orders, ascending: newest wins, so batches take them just before they become visible. */
export async function nextLoadOrders(ledger: Database, count: number): Promise<number[]> {
  const { rows } = await ledger.query(
    "select nextval('ledger.load_order') as load_order from generate_series(1, $1)",
    [count],
  );
  return rows.map(({ load_order }) => load_order);
}

/** These batches count from now on; one that is replaced does no longer, and leaves its load order to its successor. */
export async function commitBatches(ledger: Database, commits: readonly Commit[]): Promise<void> {
  // One statement: all or none.
  await ledger.query(
    `with commit as (
         select * from jsonb_to_recordset($1) as commit (source text, "batchId" text, "rowsRead" bigint,
             "rowsAccepted" bigint, "rowsQuarantined" bigint, "loadOrder" bigint, "committedAt" timestamptz)
     ), replaced as (
         update ledger.batch as old set state = 'replaced', load_order = null
         from commit join ledger.batch as new on new.source = commit.source and new.batch_id = "batchId"
         where old.source = new.source and old.batch_id = new.replaces
     )
     update ledger.batch as batch set state = 'committed', rows_read = "rowsRead", rows_accepted = "rowsAccepted",
         rows_quarantined = "rowsQuarantined", load_order = "loadOrder", committed_at = "committedAt"
     from commit
     -- Another source may have a batch of the same id, which was excluded since it counted.
     where batch.source = commit.source and batch_id = "batchId" and state in ('claimed', 'written')`,
    [JSON.stringify(commits)],
  );
}

export type Commit = Pick<Claim, "source" | "batchId"> & Counts & { loadOrder: number; committedAt: Date };

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

/** The batches that count, as `source/batchId`, by load order: the input of a build. */
export async function committedBatches(ledger: Database): Promise<string[]> {
  return (await loadedRows(ledger)).filter(({ counts }) => counts).map(batchName);
}

/** `source/batchId`, as the journal has it. */
export const batchName = ({ source, batchId }: LoadedKey) => `${source}/${batchId}`;

export interface LoadedRows extends LoadedKey {
  rows: number;
  /** It is part of the input of a build; others were, and were excluded or replaced. */
  counts: boolean;
}

/** The batches whose rows are in bronze, by load order. */
export async function loadedRows(ledger: Database): Promise<LoadedRows[]> {
  const { rows } = await ledger.query(
    `select * from ledger.batch where state in ('committed', 'excluded', 'replaced') order by load_order`,
  );
  return rows.map(({ source, batch_id, rows_accepted, state }) => ({
    source,
    batchId: batch_id,
    rows: rows_accepted,
    counts: state === "committed",
  }));
}
