/**
 * Rollback: a forward commit that makes all tables what an earlier publication says. The new metadata follows the
 * current one, so that nothing of the history in between is lost and the rollback can itself be undone.
 */
import type { Database } from "../catalog.ts";
import { exitCode, ReelhouseError } from "../errors.ts";
import { type Store, splitLocation } from "../store.ts";
import {
  type JournalPublication,
  type JournalTable,
  latestPublication,
  publishedTables,
  requirePublication,
} from "./journal.ts";
import { manifestListOf, type TableVersion, withState } from "./metadata.ts";
import {
  branchPointers,
  commitPublication,
  named,
  nextEdition,
  type Publication,
  type PublishedTable,
  readMetadata,
  removed,
  writePublished,
} from "./publish.ts";

export interface UndoTools {
  ledger: Database;
  publisher: Database;
  store: Store;
}

/** What a rollback would do: everything that can be refused was checked, and nothing was changed. */
export interface Undoing {
  from: JournalPublication;
  to: JournalPublication;
  /** `source/batchId`: in what is published, and not in what comes back. */
  batchesOut: string[];
  /** `source/batchId`: the other way round. */
  batchesBack: string[];
  tables: RestoredTable[];
}

interface RestoredTable {
  name: string;
  /** Where `lakehouse` points; null: the table comes back. */
  base: string | null;
  /** Its newest version, and the same made to be what it was; undefined: the table is removed. */
  version: { newest: TableVersion; restored: TableVersion } | undefined;
}

/**
 * `target`: the publication to return to; the one before the newest by default, not counting those of upkeep. Throws when something that it needs
 * has been collected.
 */
export async function prepareRollback(tools: UndoTools, target?: number): Promise<Undoing> {
  const from = await latestPublication(tools.ledger);
  if (from === undefined) throw refusal("nothing is published yet", "publish first: reelhouse run");
  const to = await requireTarget(tools.ledger, from, target);
  const current = await branchPointers(tools.publisher, "lakehouse");
  const wanted = await publishedTables(tools.ledger, to.id);
  const restored = await Promise.all(
    wanted.map((table) => restoreTable(tools.store, table, current.get(table.name) ?? null, to.id)),
  );
  const names = new Set(wanted.map(({ name }) => name));
  const added = [...current].filter(([name]) => !names.has(name));
  return {
    from,
    to,
    batchesOut: without(from.batches, to.batches),
    batchesBack: without(to.batches, from.batches),
    tables: [...restored, ...added.map(([name, base]) => ({ name, base, version: undefined }))],
  };
}

async function requireTarget(
  ledger: Database,
  from: JournalPublication,
  target: number | undefined,
): Promise<JournalPublication> {
  if (target === from.id) throw refusal(`publication ${from.id} is what is published`);
  return requirePublication(ledger, target ?? (await publicationBefore(ledger)));
}

/** Before what people published last: upkeep changes nothing that they would want back. */
async function publicationBefore(ledger: Database): Promise<number> {
  const { rows } = await ledger.query(
    "select max(id) - 1 as before from branch.publication where kind <> 'maintenance'",
  );
  const { before } = rows[0];
  if (before === 0) throw refusal("there is no publication before the first one");
  return before;
}

function without(batches: string[], others: string[]): string[] {
  const known = new Set(others);
  return batches.filter((batch) => !known.has(batch));
}

async function restoreTable(
  store: Store,
  table: JournalTable,
  base: string | null,
  publicationId: number,
): Promise<RestoredTable> {
  try {
    return { name: table.name, base, version: await restoredVersion(store, table, base) };
  } catch (error) {
    if (error instanceof ReelhouseError) throw error;
    throw refusal(
      `publication ${publicationId} cannot come back: ${table.name}: ${(error as Error).message}`,
      "choose another: reelhouse history",
    );
  }
}

/**
 * The newest version of a table, and the same made to be what the journal says. `base`: where `lakehouse` points.
 * Throws what of it is not known or was collected.
 */
export async function restoredVersion(
  store: Store,
  { state, newestLocation }: JournalTable,
  base: string | null,
): Promise<NonNullable<RestoredTable["version"]>> {
  if (state === undefined)
    throw new Error("it was published by a release that did not note what a rollback needs");
  const newest = await newestVersion(store, { uuid: state.uuid, base, newestLocation });
  const metadata = withState(newest.metadata, state);
  const manifestList = manifestListOf(metadata);
  if (manifestList !== undefined && !(await exists(store, manifestList)))
    throw new Error(`${manifestList} was collected`);
  return { newest, restored: { location: newest.location, metadata } };
}

/** What is published of the table, or was before it was removed: another table may have its name now. */
async function newestVersion(
  store: Store,
  { uuid, base, newestLocation }: { uuid: string; base: string | null; newestLocation: string | null },
): Promise<TableVersion> {
  if (base !== null) {
    const metadata = await readMetadata(store, base);
    if (metadata["table-uuid"] === uuid) return { location: base, metadata };
  }
  if (newestLocation === null) throw new Error(`${uuid}: no publication has this table`);
  if (!(await exists(store, newestLocation))) throw new Error(`${newestLocation} was collected`);
  return { location: newestLocation, metadata: await readMetadata(store, newestLocation) };
}

async function exists(store: Store, location: string): Promise<boolean> {
  const { bucket, key } = splitLocation(location);
  return (await store.metadataOf(bucket, key)) !== undefined;
}

/** Commits what was prepared. Throws, changing nothing, when a table moved meanwhile. */
export async function commitRollback(
  { publisher, store }: UndoTools,
  { to, tables }: Undoing,
  runId: string,
): Promise<Publication> {
  const edition = await nextEdition(publisher);
  const moved = await Promise.all(
    tables.map(async ({ name, base, version }): Promise<PublishedTable> => {
      if (version === undefined) return removed(name, { base, tested: null });
      const written = await writePublished(store, version.restored, version.newest, edition);
      return { ...named(name), base, tested: null, ...written };
    }),
  );
  const { fingerprint, batches } = to;
  const { missing, tests, rules } = to.details;
  const details = { restores: to.id, missing, tests, rules };
  const occasion = { kind: "rollback" as const, runId, fingerprint, batches, details };
  return commitPublication(publisher, { edition, branch: null, tables: moved }, occasion);
}

const refusal = (message: string, next?: string) => new ReelhouseError(message, exitCode.failed, { next });
