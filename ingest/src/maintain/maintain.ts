/**
 * Upkeep's story. Tables that need it are rewritten on the fork `maintenance`; what comes of it, without the publications
 * that leave retention, is published in one transaction, so readers see all of it or nothing. Only then is removed what
 * nobody can read any more, on any branch. Killed at any step, it leaves files that the next upkeep removes.
 */
import type { Retention } from "../config/retention.ts";
import { type JournalPublication, latestPublication } from "../publish/journal.ts";
import { noteExpired } from "../publish/manifest.ts";
import type { TableVersion } from "../publish/metadata.ts";
import type { Publication } from "../publish/publish.ts";
import type { Run } from "../session.ts";
import { keepManifest } from "../steps.ts";
import { connectStore } from "../store.ts";
import type { TrinoSession } from "../trino.ts";
import { type Health, measure, type Needs, needsAnything } from "./health.ts";
import { findLive, type TablePlan, type UpkeepPlan, type UpkeepTools, whatStays } from "./plan.ts";
import { isBronze, publishUpkeep } from "./publishing.ts";
import { retained, retainedPublications } from "./retention.ts";
import { rewriteTable } from "./rewrite.ts";
import { type CatalogTable, catalogRows, readTables } from "./survey.ts";
import { listTableObjects, type Orphans, orphansOf, removeObjects } from "./sweep.ts";

export interface Upkeep {
  /** undefined: no pointer had to move. */
  publication: Publication | undefined;
  leaving: number[];
  tables: (TablePlan & { after: Health })[];
  orphans: Orphans;
}

/** `plan`: as of now; under the run lock nobody else changes the lakehouse. */
export async function carryOut(
  run: Run,
  tools: UpkeepTools,
  plan: UpkeepPlan,
  retention: Retention,
): Promise<Upkeep> {
  const latest = await latestPublication(run.ledger);
  const publication = latest && isNeeded(plan) ? await publishNeeded(run, tools, plan, latest) : undefined;
  run.signal.throwIfAborted();
  // In this order: what comes after the listing is none of it.
  const listing = await listTableObjects(tools.store);
  const rows = await catalogRows(run.ledger);
  const tables = await readTables(tools.store, rows);
  const live = await findLive(tools, plan, { listing, tables, rows });
  const orphans = orphansOf(listing, live, oldestMs(retention));
  await removeObjects(tools.store, orphans.objects, run.signal);
  const measured = await Promise.all(
    plan.plans.map(async (one) => ({ ...one, after: await measure(plan.lists, currentOf(one, tables)) })),
  );
  return { publication, leaving: plan.leaving, tables: measured, orphans };
}

const currentOf = ({ table }: TablePlan, tables: readonly CatalogTable[]): TableVersion =>
  tables.find((now) => now.catalog === "lakehouse" && now.table === table.table) ?? table;

/** What `--dry-run` tells: nothing is changed. */
export async function foresee(tools: UpkeepTools, plan: UpkeepPlan, retention: Retention): Promise<Orphans> {
  const kept = whatStays({ ...plan, known: await retainedPublications(tools.ledger) });
  const trimmed = new Set(isNeeded(plan) ? plan.plans.filter(isPublished).map(({ table }) => table) : []);
  const tables = plan.tables.map((table) =>
    trimmed.has(table) ? { ...table, metadata: retained(table.metadata, kept(table.table)) } : table,
  );
  const listing = await listTableObjects(tools.store);
  const goes = new Set(plan.leaving.map((id) => `at_${id}`));
  const stay = <Row extends { catalog: string }>(all: Row[]) =>
    all.filter(({ catalog }) => !goes.has(catalog));
  const live = await findLive(tools, plan, { listing, tables: stay(tables), rows: stay(plan.rows) });
  return orphansOf(listing, live, oldestMs(retention));
}

/** What changed later may just be written. */
const oldestMs = ({ orphanHours }: Retention) => Date.now() - orphanHours * 3600 * 1000;

/** Whether a pointer has to move. */
const isNeeded = ({ leaving, plans }: UpkeepPlan) =>
  leaving.length > 0 || plans.some(({ needs }) => needsAnything(needs));

/** A publication has all of silver and gold; of bronze only what needs it. */
const isPublished = ({ table, needs }: TablePlan) => !isBronze(table) || needsAnything(needs);

/** In one publication: what Trino rewrites, and what leaves. */
export async function publishNeeded(
  run: Run,
  tools: UpkeepTools,
  plan: UpkeepPlan,
  latest: JournalPublication,
): Promise<Publication> {
  const rewritten = plan.plans.filter(({ needs }) => isRewritten(needs));
  const rewrite = async (trino: TrinoSession) => {
    for (const { table, needs } of rewritten) {
      run.report.progress(`${table.table}: rewriting`);
      await rewriteTable(trino, table.table, needs);
    }
  };
  const publication = await publishUpkeep(run, tools, plan, latest, {
    rewrite: rewritten.length > 0 ? rewrite : undefined,
    bronze: plan.plans
      .filter(isPublished)
      .map(({ table }) => table)
      .filter(isBronze),
    kept: whatStays({ ...plan, known: await retainedPublications(run.ledger) }),
  });
  const store = connectStore(run.settings, "publisher");
  await keepManifest(run, store);
  await noteExpired({ ledger: run.ledger, store }, plan.leaving);
  return publication;
}

const isRewritten = ({ compact, manifests, analyze }: Needs) => compact || manifests || analyze;
