/**
 * PostgreSQL is lost and the object store is not: the catalog is made anew from what lies there. Silver and gold are what
 * the newest copy of a publication says, for a newer metadata file may be of a build that nobody published. Bronze is
 * what it says and what loads added since. Branches and the list of runs are lost.
 */
import { connectStackBuckets } from "../backup/backup.ts";
import { stackBuckets } from "../buckets.ts";
import type { Database } from "../catalog.ts";
import { exitCode, ReelhouseError } from "../errors.ts";
import { beginRun, endRun } from "../ledger.ts";
import type { Bucket } from "../objects/bucket.ts";
import type { Report } from "../report.ts";
import type { Settings } from "../settings.ts";
import { connectStore } from "../store.ts";
import { connectTrino } from "../trino.ts";
import { bronzePointers } from "./bronze.ts";
import { fillLedger, readLedger } from "./fill-ledger.ts";
import {
  fillCatalog,
  type PublicationCopy,
  readManifests,
  requireFiles,
  withoutCatalog,
} from "./publications.ts";
import { recoverCommand, recoveryState } from "./state.ts";

export interface RecoverTools {
  settings: Settings;
  ledger: Database;
  report: Report;
  runId: string;
  signal: AbortSignal;
}

export interface Recovered {
  /** The newest one; undefined: there was none yet. */
  publication: number | undefined;
  publications: number;
  tables: number;
  /** Those that count, or are excluded. */
  batches: number;
  /** The sources of erasures that were not finished. */
  unfinishedErasures: string[];
}

/**
 * Throws, changing nothing, where the catalog has something, or the store lacks something. Interrupted, it goes on when it
 * is called again; until then every other run is refused.
 */
export async function recoverCatalog(tools: RecoverTools): Promise<Recovered> {
  const { settings, ledger, runId, signal, report } = tools;
  const state = await recoveryState(ledger);
  if (state === "filled") throw notEmpty();
  const store = connectStore(settings, "backup");
  const buckets = connectStackBuckets(settings, "backup");
  const bronzeObjects = buckets.get(stackBuckets.bronze) as Bucket;
  report.progress("the copies of the publications");
  const manifests = await readManifests(store, buckets.get(stackBuckets.warehouse) as Bucket);
  const newest = manifests.at(-1);
  report.progress("the tables of bronze");
  const { bronze: publishedBronze = [], published = [] } = Object.groupBy(
    newest?.pointers ?? [],
    ({ table_namespace }) => (table_namespace === "bronze" ? "bronze" : "published"),
  );
  const bronze = await bronzePointers(store, bronzeObjects, publishedBronze);
  await requireFiles(store, [...published, ...bronze]);
  if (bronze.length === 0 && newest === undefined) throw nothingThere();
  signal.throwIfAborted();
  // From here on nothing is refused: a recovery that is noted and not done keeps every other run back.
  await beginRun(ledger, runId, recoverCommand);
  if (state === "empty") await fillCatalog(settings, manifests, [...published, ...bronze]);
  report.progress("the ledger");
  const trino = connectTrino(settings, "ingest", { catalog: "ingest", signal });
  const batches = await readLedger(trino, bronzeObjects, bronze);
  const { schemas = [], erasures = [] } = newest ?? {};
  await fillLedger(ledger, batches, { schemas, erasures });
  await endRun(ledger, runId, exitCode.ok);
  return {
    publication: newest?.id,
    publications: manifests.length,
    tables: published.length + bronze.length,
    batches: batches.filter(({ loadOrder }) => loadOrder !== undefined).length,
    unfinishedErasures: erasedSources(erasures),
  };
}

export const erasedSources = (erasures: PublicationCopy["erasures"]): string[] =>
  [...new Set(erasures.flatMap(({ batches }) => batches.map(({ source }) => source)))].sort();

const notEmpty = () =>
  new ReelhouseError("recovery refused: the lakehouse is not empty", exitCode.failed, {
    next: "remove the volume of the catalog first, if what it has is of no use",
  });

const nothingThere = () =>
  new ReelhouseError("the object store has no publication and no table of bronze", exitCode.failed, {
    next: `load files: ./scripts/reelhouse run; if that is refused, ${withoutCatalog}`,
  });
