/**
 * Erasure's story. On the fork `maintenance` the rows leave bronze, and the files that held them are rewritten; one
 * transaction publishes that and notes what was done. Silver and gold are built anew from what is left. Then every
 * publication that had the rows ends, and all objects that held them go, with every version. Killed before the
 * transaction it has done nothing; killed after it, the next erasure finishes it, also in a recovered catalog.
 */
import { onStore } from "../buckets.ts";
import { connectCatalog } from "../catalog.ts";
import { exitCode, ReelhouseError } from "../errors.ts";
import { type ObjectName, objectName } from "../maintain/files.ts";
import { publishNeeded } from "../maintain/maintain.ts";
import { findLive, planUpkeep, type UpkeepPlan, type UpkeepTools, whatStays } from "../maintain/plan.ts";
import { openFork, publishUpkeep } from "../maintain/publishing.ts";
import { retainedPublications } from "../maintain/retention.ts";
import { catalogRows, readTables } from "../maintain/survey.ts";
import { listTableObjects } from "../maintain/sweep.ts";
import { latestPublication } from "../publish/journal.ts";
import { writeManifest } from "../publish/manifest.ts";
import type { Erasure } from "../publish/publish.ts";
import type { Run } from "../session.ts";
import { buildStep, keepManifest } from "../steps.ts";
import { connectStore } from "../store.ts";
import {
  landedCopies,
  notedObjects,
  noteErased,
  openErasures,
  originalsOf,
  publicationsOf,
} from "./ledger.ts";
import { erasedTables, eraseRows, findRows, type Selection } from "./rows.ts";
import { removeDeadVersions, removeLeftovers, removeWhole } from "./versions.ts";

export interface Found {
  erasure: Erasure;
  /** The publications whose files may have such rows. */
  ends: number[];
  landed: string[];
}

/** What an erasure would take away. Changes nothing but the fork. */
export async function look(run: Run, selection: Selection): Promise<Found> {
  const publisher = await connectCatalog(run.settings, "publisher");
  try {
    const erasure = await findRows(await openFork(run, publisher), selection);
    const ends = await publicationsOf(run.ledger, erasure.batches);
    return { erasure, ends, landed: await landedCopies(run.ledger, erasure.batches) };
  } finally {
    await publisher.end();
  }
}

/** From here on no new reader sees the rows in bronze, and the ledger knows what is left to do. */
export async function takeOut(run: Run, selection: Selection, erasure: Erasure): Promise<void> {
  const latest = await latestPublication(run.ledger);
  if (latest === undefined)
    throw new ReelhouseError("erase: nothing is published yet", exitCode.failed, {
      next: "publish first: reelhouse run",
    });
  const tools = upkeepTools(run);
  const plan = await planUpkeep(tools, (known) => new Set(known.map(({ id }) => id)));
  const kept = whatStays({ ...plan, known: await retainedPublications(run.ledger) });
  const tables = new Set(erasedTables(selection));
  await publishUpkeep(run, tools, plan, latest, {
    rewrite: (trino) => eraseRows(trino, selection, erasure),
    bronze: plan.plans.map(({ table }) => table).filter(({ table }) => tables.has(table)),
    // Of a table that loses rows no earlier state stays.
    kept: (table) =>
      tables.has(table) ? { ...kept(table), sinceMs: Number.POSITIVE_INFINITY } : kept(table),
    erasure,
  });
  await keepManifest(run, connectStore(run.settings, "publisher"));
}

export interface Finished {
  publication: number;
  ended: number[];
  /** How many versions of objects were removed. */
  versions: number;
}

/** What is left to do of all erasures that were begun. `withLanding`: their deliveries in the bucket `landing` too. */
export async function finish(run: Run, { withLanding }: { withLanding: boolean }): Promise<Finished> {
  const { ledger } = run;
  const erasure = await openErasures(ledger);
  const publication = await buildStep(run, {
    force: true,
    unitTests: false,
    partial: true,
    fullRefresh: true,
  });
  if (publication === undefined) throw new Error("a forced build publishes");
  const tools = upkeepTools(run);
  const ended = await publicationsOf(ledger, erasure.batches, publication.id);
  const plan = await endPublications(run, tools, ended);
  const listing = await listTableObjects(tools.store);
  const rows = await catalogRows(ledger);
  const live = await findLive(tools, plan, { listing, rows, tables: await readTables(tools.store, rows) });
  const read = erasure.objects.find((location) => live.has(objectName(location)));
  if (read !== undefined) throw new Error(`${read} is still read`);
  const landed = withLanding ? await landedCopies(ledger, erasure.batches) : [];
  const versions = await removeForGood(run, erasure, landed, live);
  await noteErased(ledger);
  await noteInCopy(run);
  return { publication: publication.id, ended, versions };
}

/** A catalog that is recovered from the copy must not take the erasure for unfinished. */
async function noteInCopy({ ledger, settings }: Run): Promise<void> {
  const latest = await latestPublication(ledger);
  if (latest) await writeManifest({ ledger, store: connectStore(settings, "publisher") }, latest.id);
}

/** Answers how many versions of objects that were. `landed`: deliveries that go too. */
async function removeForGood(
  { ledger, settings, signal }: Run,
  { batches, objects }: Erasure,
  landed: readonly string[],
  live: ReadonlySet<ObjectName>,
): Promise<number> {
  const store = connectStore(settings, "erasure");
  const dead = await removeDeadVersions(store, live, signal);
  const originals = await originalsOf(ledger, batches);
  const whole = await removeWhole(
    store,
    [...objects, ...originals, ...landed.map((location) => onStore(location))],
    signal,
  );
  const sources = [...new Set(batches.map(({ source }) => source))];
  const noted = await notedObjects(ledger, sources);
  const kept = new Set([...live, ...noted.map(objectName)]);
  return dead + whole + (await removeLeftovers(store, sources, kept, signal));
}

async function endPublications(run: Run, tools: UpkeepTools, ended: number[]): Promise<UpkeepPlan> {
  const goes = new Set(ended);
  const plan = await planUpkeep(
    tools,
    (known) => new Set(known.map(({ id }) => id).filter((id) => !goes.has(id))),
  );
  const latest = await latestPublication(run.ledger);
  if (latest && ended.length > 0) await publishNeeded(run, tools, plan, latest);
  return plan;
}

const upkeepTools = ({ settings, ledger, report }: Run): UpkeepTools => ({
  ...{ ledger, report },
  store: connectStore(settings, "maintenance"),
});
