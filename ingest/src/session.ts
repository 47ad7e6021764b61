/** What every command that changes something shares: one run at a time, with a name, recorded in the ledger. */
import { randomBytes } from "node:crypto";
import { connectStackBuckets } from "./backup/backup.ts";
import { settleExclusions } from "./bronze/exclusion.ts";
import { reconcileVisible } from "./bronze/visible.ts";
import { connectCatalog, type Database, takeObjectsLock, takeRunLock } from "./catalog.ts";
import { type Part, requireHealthy } from "./checks.ts";
import { type Context, secondsOption, type Words } from "./command.ts";
import { exitCode, ReelhouseError } from "./errors.ts";
import { beginRun, dropReplays, endRun } from "./ledger.ts";
import { stopLeftoverQueries } from "./publish/leftovers.ts";
import { ensureManifest } from "./publish/manifest.ts";
import { requireOwnBuckets, requireOwnStore, requireRecovered } from "./recover/state.ts";
import { loadSettings, type Settings } from "./settings.ts";
import { connectStore } from "./store.ts";
import { connectTrino } from "./trino.ts";

export interface Run extends Context {
  runId: string;
  settings: Settings;
  ledger: Database;
}

/**
 * Takes the run lock, makes sure of the parts that the work needs, clears up after a run that was killed, does the
 * work and records how it ended. The run's signal aborts on Ctrl-C and when the lock is lost.
 */
export async function withRun(
  {
    command,
    parts,
    words,
    context,
  }: { command: string; parts: readonly Part[]; words: Words; context: Context },
  work: (run: Run) => Promise<number>,
): Promise<number> {
  const settings = loadSettings(context.env);
  const runId = newRunId();
  const waitSeconds = secondsOption(words, "wait");
  await using lock = await takeRunLock(settings, { command, runId, waitSeconds, signal: context.signal });
  const ledger = await connectCatalog(settings, "ledger");
  const signal = AbortSignal.any([context.signal, lock.signal]);
  let code: number = exitCode.failed;
  try {
    await beginRun(ledger, runId, command);
    const run = { ...context, signal, runId, settings, ledger };
    await requireOwnBuckets(ledger);
    // In a second, instead of after half of the work.
    await requireHealthy(settings, parts);
    await clearUp(run);
    code = await work(run);
  } catch (error) {
    code = error instanceof ReelhouseError ? error.exitCode : exitCode.failed;
    throw error;
  } finally {
    await endRun(ledger, runId, code).catch(() => undefined);
    await ledger.end().catch(() => undefined);
  }
  return code;
}

/**
 * The part of a run that removes objects: while no backup copies what it has seen in the catalog. The signal aborts when
 * that lock is lost, too.
 */
export async function whileNothingIsCopied<T>(
  command: string,
  words: Words,
  run: Run,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  const { settings, runId, signal } = run;
  const waitSeconds = secondsOption(words, "wait");
  await using lock = await takeObjectsLock(settings, { command, runId, waitSeconds, signal });
  return await work({ ...run, signal: AbortSignal.any([signal, lock.signal]) });
}

/**
 * A killed run's statements could still commit, what it has made visible the ledger may not know, what it read again
 * nobody has compared, and its publication may lack the manifest.
 */
async function clearUp({ settings, ledger, signal }: Run): Promise<void> {
  await requireRecovered(ledger);
  await requireOwnStore(ledger, connectStackBuckets(settings, "backup"));
  await stopLeftoverQueries(settings, "ingest");
  const trino = connectTrino(settings, "ingest", { catalog: "ingest", signal });
  await reconcileVisible({ ledger, trino });
  await dropReplays(ledger);
  await settleExclusions({ ledger, trino });
  await ensureManifest({ ledger, store: connectStore(settings, "publisher") });
}

/** Sorts by time, is unique, and names the run in the ledger, the publication and the logs. */
export function newRunId(): string {
  const time = new Date().toISOString().replace(/[-:]|\.\d+Z/g, "");
  return `${time}-${randomBytes(3).toString("hex")}`;
}
