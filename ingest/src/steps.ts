/** The steps of a run, each of which is a command of its own: ingest, then build and publish, then export. */
import { createHash } from "node:crypto";
import { connectCatalog } from "./catalog.ts";
import { loadingParts, requireHealthy } from "./checks.ts";
import type { Pipeline, Source } from "./config.ts";
import { type BuildResult, build, type NodeResult, projectHash, stopBuild } from "./dbt.ts";
import { exitCode, ReelhouseError, serviceError } from "./errors.ts";
import { type IngestResult, ingest, type LoadTools } from "./ingest.ts";
import { committedBatches, refusedSources } from "./ledger.ts";
import { stopLeftoverQueries } from "./publish/leftovers.ts";
import {
  branchPointers,
  forkAudit,
  latestPublication,
  type Publication,
  publish,
} from "./publish/publish.ts";
import { replay } from "./replay.ts";
import type { Run } from "./session.ts";
import { connectStore } from "./store.ts";
import { connectTrino, StatementError } from "./trino.ts";

/** `again`: the host path of a file that is to be loaded anew. */
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
  { contracts }: Pipeline,
  work: (tools: LoadTools) => Promise<T>,
): Promise<T> {
  const { settings, ledger, report, runId, signal } = run;
  const trino = connectTrino(settings, "ingest", { catalog: "ingest", signal });
  const store = connectStore(settings, "ingest");
  const tools = { trino, ledger, store, report, runId, signal, contracts, hostRoot: settings.hostRoot };
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
}

/**
 * Fork, build, test, publish. Returns undefined when the newest publication was built from the same batches by the
 * same models. Throws exit 4, with nothing published, when a test failed.
 */
export async function buildStep(run: Run, options: BuildOptions): Promise<Publication | undefined> {
  const { settings, ledger, report, runId, signal } = run;
  const missing = await refusedSources(ledger);
  if (missing.length > 0 && !options.partial) throw incomplete(missing);
  const batches = await committedBatches(ledger);
  const fingerprint = await inputFingerprint(run, batches, missing);
  const latest = await latestPublication(ledger);
  if (latest?.fingerprint === fingerprint && !options.force && !options.unitTests) {
    report.info("unchanged", `nothing new since publication ${latest.id}: not built again`);
    return undefined;
  }
  // In this order: a build that is still alive would start further queries, on the branch that is about to be forked.
  await stopBuild(settings);
  await stopLeftoverQueries(settings, "dbt");
  const publisher = await connectCatalog(settings, "publisher");
  try {
    const base = await forkAudit(publisher);
    const built = await build(settings, { unitTests: options.unitTests, signal }, (message) =>
      report.progress(message),
    );
    await requireSuccess(built, run);
    tellWarnings(built, run);
    const tested = await branchPointers(publisher, "audit");
    signal.throwIfAborted();
    const store = connectStore(settings, "publisher");
    const details = { missing, tests: countTests(built), build_seconds: built.seconds };
    const publication = await publish(
      { publisher, store },
      { base, tested, built: builtTables(built) },
      { runId, fingerprint, batches, details },
    );
    const tables = publication.tables.filter((table) => table.published !== null).length;
    report.info(
      "published",
      `publication ${publication.id}: ${tables} tables, ${details.tests.passed} tests passed`,
      {
        publication: publication.id,
      },
    );
    return publication;
  } finally {
    await publisher.end();
  }
}

/** A refused source stops a run before anything is built from half of the input, unless the user wants just that. */
const incomplete = (missing: string[]) =>
  new ReelhouseError(`refused: ${missing.join(", ")}; nothing was published`, exitCode.inputRefused, {
    next: "mend or replace the files that 'reelhouse status' names and run again, or publish the rest with --partial",
  });

/** What a publication depends on: batches, what is missing, dbt project, and the year, which bounds valid years. */
async function inputFingerprint({ settings }: Run, batches: string[], missing: string[]): Promise<string> {
  const year = String(new Date().getUTCFullYear());
  const parts = [await projectHash(settings), year, `missing: ${missing.join(", ")}`, ...batches];
  return createHash("sha256").update(parts.join("\n")).digest("hex");
}

/** `schema.name` of the tables that the models of this build made. */
const builtTables = ({ nodes }: BuildResult) =>
  new Set(nodes.filter(({ kind }) => kind === "model").map(({ schema, name }) => `${schema}.${name}`));

const isTest = ({ kind }: NodeResult) => kind === "test" || kind === "unit_test";

function countTests({ nodes }: BuildResult): { passed: number; warned: number; failed: number } {
  const tests = nodes.filter(isTest);
  const passed = tests.filter(({ status }) => status === "pass").length;
  const warned = tests.filter(({ status }) => status === "warn").length;
  return { passed, warned, failed: tests.length - passed - warned };
}

/** A test of what was only proposed does not stop a publication; nobody would hear of it otherwise. */
function tellWarnings({ nodes }: BuildResult, { report }: Run): void {
  for (const { name, status, message, failures } of nodes) {
    if (status === "warn") report.warn("test_warned", `test ${name}: ${message}`, { test: name, failures });
  }
}

async function requireSuccess(built: BuildResult, { report, settings }: Run): Promise<void> {
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
      next: "look at the rows that a test names with: reelhouse sql --user dbt --catalog audit",
    });
  }
  throw new ReelhouseError(`models failed, nothing was published: ${names}`, exitCode.failed, {
    next: "the messages above name the model and Trino's answer",
  });
}
