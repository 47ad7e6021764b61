/** How upkeep publishes: tables are rewritten on the fork `maintenance`, then all pointers move in one transaction. */
import { connectCatalog, type Database } from "../catalog.ts";
import type { JournalPublication } from "../publish/journal.ts";
import { stopLeftoverQueries } from "../publish/leftovers.ts";
import { logFollowing, type TableMetadata, type TableVersion } from "../publish/metadata.ts";
import {
  commitPublication,
  type Edition,
  type Erasure,
  named,
  nextEdition,
  type Publication,
  type PublishedTable,
  readMetadata,
  writeMetadata,
  writePublished,
} from "../publish/publish.ts";
import type { Run } from "../session.ts";
import { connectTrino, type TrinoSession } from "../trino.ts";
import type { UpkeepPlan, UpkeepTools } from "./plan.ts";
import { type Kept, retained } from "./retention.ts";
import { type CatalogTable, catalogRows } from "./survey.ts";

/** What becomes of the tables. */
export interface Change {
  /** Works on the fork; undefined: nothing is rewritten, and no fork is needed. */
  rewrite: ((trino: TrinoSession) => Promise<void>) | undefined;
  /** The tables of bronze that get new metadata. */
  bronze: CatalogTable[];
  kept: (table: string) => Kept;
  erasure?: Erasure;
}

export const isBronze = ({ table }: { table: string }) => table.startsWith("bronze.");

export async function publishUpkeep(
  run: Run,
  tools: UpkeepTools,
  { plans, leaving }: UpkeepPlan,
  latest: JournalPublication,
  change: Change,
): Promise<Publication> {
  const publisher = await connectCatalog(run.settings, "publisher");
  try {
    const fork = change.rewrite && (await onFork(run, publisher, change.rewrite));
    const edition = await nextEdition(publisher);
    const kept = (table: string): Kept => {
      const stays = change.kept(table);
      return { ...stays, publications: new Set([...stays.publications, edition.id]) };
    };
    const write = { tools, fork, edition, kept };
    run.signal.throwIfAborted();
    const published = plans.map(({ table }) => table).filter((table) => !isBronze(table));
    const tables = await Promise.all(published.map((base) => writeTable(base, write)));
    const bronze = await Promise.all(change.bronze.map((base) => writeBronze(base, write)));
    const branch = fork ? "maintenance" : null;
    const occasion = occasionOf(run, latest);
    return await commitPublication(publisher, { edition, branch, tables }, occasion, {
      bronze,
      expired: leaving,
      erasure: change.erasure,
    });
  } finally {
    await publisher.end();
  }
}

/** The same input as before, so a run finds nothing new; what is known of the tests and the build stays so. */
function occasionOf({ runId }: Run, { fingerprint, batches, details }: JournalPublication) {
  const { restores: _, ...known } = details;
  return { kind: "maintenance" as const, runId, fingerprint, batches, details: known };
}

/** Answers where the fork's tables are afterwards. */
async function onFork(
  run: Run,
  publisher: Database,
  rewrite: (trino: TrinoSession) => Promise<void>,
): Promise<Map<string, string>> {
  await rewrite(await openFork(run, publisher));
  const rows = await catalogRows(run.ledger);
  return new Map(
    rows.flatMap(({ catalog, table, location }) => (catalog === "maintenance" ? [[table, location]] : [])),
  );
}

/** Trino on a new fork of the lakehouse. */
export async function openFork({ settings, signal }: Run, publisher: Database): Promise<TrinoSession> {
  // One that a killed upkeep left could still change the fork.
  await stopLeftoverQueries(settings, "maintenance");
  await publisher.query("select branch.fork_for_maintenance()");
  return connectTrino(settings, "maintenance", { catalog: "maintenance", signal });
}

interface Writing {
  tools: UpkeepTools;
  /** Where the fork's tables are. */
  fork: Map<string, string> | undefined;
  edition: Edition;
  kept: (table: string) => Kept;
}

async function writeTable(
  base: CatalogTable,
  { tools, fork, edition, kept }: Writing,
): Promise<PublishedTable> {
  const tested = await versionOnFork(base, tools, fork);
  const finish = (derived: TableMetadata) => retained(derived, kept(base.table));
  const written = await writePublished(tools.store, tested, base, edition, finish);
  const pointers = { base: base.location, tested: fork ? tested.location : null };
  return { ...named(base.table), ...pointers, ...written };
}

/** A table of bronze has the history of its loads, and no publications. */
async function writeBronze(base: CatalogTable, { tools, fork, edition, kept }: Writing) {
  const { location, metadata } = await versionOnFork(base, tools, fork);
  // A catalog that is recovered from the store takes the one that was written last.
  const writtenMs = Math.max(edition.publishedAt.getTime(), metadata["last-updated-ms"] + 1);
  const following = { ...metadata, "last-updated-ms": writtenMs, "metadata-log": logFollowing(base) };
  const published = await writeMetadata(tools.store, {
    location,
    metadata: retained(following, kept(base.table)),
  });
  return { ...named(base.table), base: base.location, published };
}

async function versionOnFork(
  base: CatalogTable,
  { store }: UpkeepTools,
  fork: Map<string, string> | undefined,
): Promise<TableVersion> {
  const location = fork?.get(base.table) ?? base.location;
  return location === base.location ? base : { location, metadata: await readMetadata(store, location) };
}
