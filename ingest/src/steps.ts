/** The steps of a run, each of which is a command of its own: ingest, then build and publish, then export. */
import { createHash } from "node:crypto";
import { setExcluded } from "./bronze/exclusion.ts";
import { widenBatches } from "./bronze/tables.ts";
import { connectCatalog, type Database } from "./catalog.ts";
import { currentRules, currentYear, isMadeBy, type Scope, scopeOf } from "./changes.ts";
import { loadingParts, requireHealthy } from "./checks.ts";
import type { Pipeline, Source } from "./config.ts";
import { type BuildResult, type BuildWork, build, type NodeResult, projectHash, stopBuild } from "./dbt.ts";
import { exitCode, ReelhouseError, serviceError } from "./errors.ts";
import { type IngestResult, ingest, type LoadTools } from "./ingest.ts";
import { batchName, type LoadedDelivery, loadedDeliveries, loadedRows, refusedSources } from "./ledger.ts";
import { connectBuckets } from "./objects/delivered.ts";
import { type JournalPublication, latestPublication, publishedTables } from "./publish/journal.ts";
import { stopLeftoverQueries } from "./publish/leftovers.ts";
import { ensureManifest } from "./publish/manifest.ts";
import {
  branchPointers,
  forkAudit,
  type Pointers,
  type Publication,
  publish,
  type TestCounts,
} from "./publish/publish.ts";
import { commitRollback, prepareRollback, type Undoing } from "./publish/rollback.ts";
import { replay } from "./replay.ts";
import type { Report } from "./report.ts";
import type { Run } from "./session.ts";
import { connectStore, type Store } from "./store.ts";
import { connectTrino, StatementError } from "./trino.ts";
import { reelhouseVersion } from "./versions.ts";

/** `again`: the host path or location of a file that is to be loaded anew. */
export async function ingestStep(
  run: Run,
  pipeline: Pipeline,
  { again }: { again?: string | undefined } = {},
): Promise<IngestResult> {
  return loading(run, pipeline, (tools) =>
    ingest(pipeline.sources, { ...tools, again, configuration: pipeline.file }),
  );
}

/** Reads the quarantined batches of a source again; `id`: only those whose id begins so. */
export function replayStep(
  run: Run,
  pipeline: Pipeline,
  { source, id }: { source: Source; id: string },
): Promise<IngestResult> {
  return loading(run, pipeline, (tools) => replay(source, id, tools));
}

async function loading<T>(
  run: Run,
  { contracts, stores }: Pipeline,
  work: (tools: LoadTools) => Promise<T>,
): Promise<T> {
  const { settings, ledger, report, runId, signal } = run;
  const trino = connectTrino(settings, "ingest", { catalog: "ingest", signal });
  const store = connectStore(settings, "ingest");
  const buckets = connectBuckets(settings, stores);
  const { hostRoot } = settings;
  const tools = { trino, ledger, store, buckets, report, runId, signal, contracts, hostRoot };
  return work(tools).catch(async (error) => {
    // Trino tells a store or a catalog that went away like a faulty statement; which of the two it was is asked here.
    if (error instanceof StatementError) await requireHealthy(settings, loadingParts);
    throw error;
  });
}

export interface BuildOptions {
  /** Build even where neither input nor models changed. */
  force: boolean;
  /** Run dbt's unit tests too: they test the models' rules, not the data. */
  unitTests: boolean;
  /** Publish although the latest delivery of some sources was refused; the publication says which. */
  partial: boolean;
  /** Build all rows, not only those of the films that changed. */
  fullRefresh: boolean;
}

/**
 * Fork, build, test, publish. Returns undefined when the newest publication was built from the same batches by the
 * same models. Throws exit 4, with nothing published, when a test failed.
 */
export async function buildStep(run: Run, options: BuildOptions): Promise<Publication | undefined> {
  const { settings, ledger, report, runId, signal } = run;
  const missing = await refusedSources(ledger);
  if (missing.length > 0 && !options.partial) throw incomplete(missing);
  const loaded = await loadedRows(ledger);
  const batches = loaded.filter(({ counts }) => counts).map(batchName);
  const projectSha256 = await projectHash(settings);
  const fingerprint = inputFingerprint(projectSha256, batches, missing);
  const latest = await latestPublication(ledger);
  const isWanted = options.force || options.unitTests || options.fullRefresh;
  if (latest?.fingerprint === fingerprint && !isWanted) {
    report.info("unchanged", `nothing new since publication ${latest.id}: not built again`);
    return undefined;
  }
  await endEarlierBuild(run);
  await widenBatches(connectTrino(settings, "ingest", { catalog: "ingest", signal }));
  const publisher = await connectCatalog(settings, "publisher");
  try {
    const rules = await currentRules(run, projectSha256);
    const base = await forkAudit(publisher);
    const wanted: Scope = options.fullRefresh
      ? { whole: "--full-refresh" }
      : scopeOf(await withTables(run, latest), { batches: loaded, rules, fork: base });
    const { unitTests } = options;
    const checkContracts = latest === undefined || !isMadeBy(rules, latest);
    const { scope, ...outcome } = await buildOnAudit(run, publisher, wanted, { unitTests, checkContracts });
    signal.throwIfAborted();
    const store = connectStore(settings, "publisher");
    const { tables, tests, details } = outcomeOf(outcome, { missing, trino: rules.trino });
    const publication = await publish(
      { publisher, store },
      { base, tested: outcome.tested, built: tables, tests },
      { kind: "build", runId, fingerprint, batches, details: { ...details, scope, rules } },
    );
    await keepManifest(run, store);
    tellPublished(publication, details.tests.passed, report);
    return publication;
  } finally {
    await publisher.end();
  }
}

/**
 * A build of what changed stands on what was published: where that is damaged, it fails, and so would each one after it.
 * So a failed one is made up for, once, by a build of everything, which stands on bronze alone.
 */
async function buildOnAudit(
  run: Run,
  publisher: Database,
  scope: Scope,
  work: Pick<BuildWork, "unitTests" | "checkContracts">,
): Promise<Tested & { scope: Scope }> {
  try {
    const { changed } = scope;
    return { ...(await buildThenTest(run, publisher, { catalog: "audit", changed, ...work })), scope };
  } catch (error) {
    if (scope.changed === undefined || !isRefusedBuild(error)) throw error;
    const whole = "models or tests failed on what changed";
    run.report.warn("built_whole", `${whole}: everything is built`);
    await forkAudit(publisher);
    return buildOnAudit(run, publisher, { whole }, work);
  }
}

/** dbt did its work, and a model or a test of it failed. */
const isRefusedBuild = (error: unknown) =>
  error instanceof ReelhouseError &&
  (error.exitCode === exitCode.testsFailed || error.exitCode === exitCode.failed);

/** In this order: a build that is still alive would start further queries, on the branch that is built next. */
export async function endEarlierBuild({ settings }: Run): Promise<void> {
  await stopBuild(settings);
  await stopLeftoverQueries(settings, "dbt");
}

/** A build without a failed test. */
export interface Tested {
  built: BuildResult;
  /** Of the tests, in seconds. */
  testSeconds: number;
  /** What the tests read. */
  tested: Pointers;
}

/**
 * Builds all models on a branch, then tests them. People may write there at any time: what the tests read is known only
 * where the branch still has it when all have passed; publishing compares. Throws exit 4 when a test failed; what was
 * built stays there then.
 */
export async function buildThenTest(
  run: Run,
  publisher: Database,
  work: Omit<BuildWork, "signal" | "part">,
): Promise<Tested> {
  const models = await dbtStep(run, { ...work, part: "models" });
  const tested = await branchPointers(publisher, work.catalog);
  const tests = await dbtStep(run, { ...work, part: "tests" });
  const built = {
    ...models,
    nodes: [...models.nodes, ...tests.nodes],
    seconds: models.seconds + tests.seconds,
  };
  return { built, testSeconds: tests.seconds, tested };
}

async function dbtStep(run: Run, work: Omit<BuildWork, "signal">): Promise<BuildResult> {
  const { settings, report, signal } = run;
  const built = await build(settings, { ...work, signal }, (message) => report.progress(message));
  await requireSuccess(built, work.catalog, run);
  tellWarnings(built, run);
  return built;
}

/** What a publication keeps of a build without a failed test. */
export function outcomeOf(
  { built, testSeconds }: Tested,
  { missing, trino }: { missing: string[]; trino: string },
) {
  const details = {
    missing,
    tests: countTests(built.nodes.filter(isTest)),
    build_seconds: built.seconds,
    test_seconds: testSeconds,
    versions: { reelhouse: reelhouseVersion(), trino, ...built.versions },
  };
  return { tables: builtTables(built), tests: testsByTable(built), details };
}

export function tellPublished({ id, tables }: Publication, testsPassed: number, report: Report): void {
  const count = tables.filter((table) => table.published !== null).length;
  report.info("published", `publication ${id}: ${count} tables, ${testsPassed} tests passed`, {
    publication: id,
  });
}

/** A refused source stops a run before anything is built from half of the input, unless the user wants just that. */
export const incomplete = (missing: string[]) =>
  new ReelhouseError(`refused: ${missing.join(", ")}; nothing was published`, exitCode.inputRefused, {
    next: "mend or replace the files that 'reelhouse status' names and run again, or publish the rest with --partial",
  });

async function withTables({ ledger }: Run, publication: JournalPublication | undefined) {
  return publication && { publication, tables: await publishedTables(ledger, publication.id) };
}

/** What a publication depends on: dbt project, year, batches, and what is missing. */
export function inputFingerprint(projectSha256: string, batches: string[], missing: string[]): string {
  const parts = [projectSha256, String(currentYear()), `missing: ${missing.join(", ")}`, ...batches];
  return createHash("sha256").update(parts.join("\n")).digest("hex");
}

/** `schema.name` of the tables that the models of this build made. */
const builtTables = ({ nodes }: BuildResult) =>
  new Set(nodes.filter(({ kind }) => kind === "model").map(({ schema, name }) => `${schema}.${name}`));

const isTest = ({ kind }: NodeResult) => kind === "test" || kind === "unit_test";

/** Of a build without a failed one: another is never published. */
const countTests = (tests: NodeResult[]): TestCounts => ({
  passed: tests.filter(({ status }) => status === "pass").length,
  warned: tests.filter(({ status }) => status === "warn").length,
});

/** By `schema.name`: the outcome of the tests that read the table, alone or beside others. */
function testsByTable({ nodes }: BuildResult): Map<string, TestCounts> {
  const tests = nodes.filter(isTest);
  const models = nodes.filter(({ kind }) => kind === "model");
  return new Map(
    models.map(({ id, schema, name }) => [
      `${schema}.${name}`,
      countTests(tests.filter((test) => test.depends_on.includes(id))),
    ]),
  );
}

/** The publication stands without it: the next command that changes something writes it. */
export async function keepManifest(
  { ledger, report }: Pick<Run, "ledger" | "report">,
  store: Store,
): Promise<void> {
  await ensureManifest({ ledger, store }).catch((error) =>
    report.warn(
      "manifest_missing",
      `published, but its copy on the object store is not written yet: ${error.message}`,
    ),
  );
}

/** A test of what was only proposed does not stop a publication; nobody would hear of it otherwise. */
function tellWarnings({ nodes }: BuildResult, { report }: Run): void {
  for (const { name, status, message, failures } of nodes) {
    if (status === "warn") report.warn("test_warned", `test ${name}: ${message}`, { test: name, failures });
  }
}

async function requireSuccess(built: BuildResult, catalog: string, { report, settings }: Run): Promise<void> {
  if (built.success) return;
  // dbt tells a service that went away like a faulty model; which of the two it was is asked here.
  await requireHealthy(settings);
  if (built.exception) throw serviceError("dbt", "build", new Error(built.exception));
  const bad = built.nodes.filter(({ status }) => status === "fail" || status === "error");
  for (const { kind, name, message } of bad) report.warn("failed_node", `${kind} ${name}: ${message}`);
  const names = bad.map(({ name }) => name).join(", ");
  const failedTests = bad.filter((node) => isTest(node) && node.status === "fail");
  if (failedTests.length > 0) {
    throw new ReelhouseError(`tests failed, nothing was published: ${names}`, exitCode.testsFailed, {
      next: `look at the rows that a test names with: reelhouse sql --user dbt --catalog ${catalog}`,
    });
  }
  throw new ReelhouseError(`models failed, nothing was published: ${names}`, exitCode.failed, {
    next: "the messages above name the model and Trino's answer",
  });
}

/** What a rollback did. */
export interface RolledBack {
  publication: Publication;
  undoing: Undoing;
  /** The batches that it took out and that still count: the next run brings them back. */
  returning: LoadedDelivery[];
  /** The batches that it took out and that count no more. */
  excluded: LoadedDelivery[];
  /** The batches that it brought back and that do not count: the next run takes them out. */
  leaving: LoadedDelivery[];
}

/** Makes all tables what publication `target` says (default: the one before the newest), as a publication of its own. */
export async function rollbackStep(
  run: Run,
  { target, exclude }: { target?: number | undefined; exclude: boolean },
): Promise<RolledBack> {
  const { settings, ledger, runId, signal } = run;
  const publisher = await connectCatalog(settings, "publisher");
  try {
    const store = connectStore(settings, "publisher");
    const tools = { ledger, publisher, store };
    const undoing = await prepareRollback(tools, target);
    const out = await deliveriesAmong(ledger, undoing.batchesOut, "committed");
    const leaving = await deliveriesAmong(ledger, undoing.batchesBack, "excluded");
    signal.throwIfAborted();
    // Before the pointers move: killed in between, the next run publishes without the batches all the same.
    const trino = connectTrino(settings, "ingest", { catalog: "ingest", signal });
    if (exclude) await setExcluded({ trino, ledger }, out, true);
    const publication = await commitRollback(tools, undoing, runId);
    await keepManifest(run, store);
    return { publication, undoing, leaving, returning: exclude ? [] : out, excluded: exclude ? out : [] };
  } finally {
    await publisher.end();
  }
}

async function deliveriesAmong(
  ledger: Database,
  batches: string[],
  state: LoadedDelivery["state"],
): Promise<LoadedDelivery[]> {
  const wanted = new Set(batches);
  const loaded = await loadedDeliveries(ledger, { state });
  return loaded.filter((batch) => wanted.has(batchName(batch)));
}
