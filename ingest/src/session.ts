/** What every command that changes something shares: one run at a time, with a name, recorded in the ledger. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { settleExclusions } from "./bronze/exclusion.ts";
import { reconcileVisible } from "./bronze/visible.ts";
import { connectCatalog, type Database, takeRunLock } from "./catalog.ts";
import { type Part, requireHealthy } from "./checks.ts";
import { type Context, secondsOption, type Words } from "./command.ts";
import { contractsBeside } from "./config/contracts.ts";
import { isLocation } from "./config/stores.ts";
import { loadPipeline, type Pipeline } from "./config.ts";
import { exitCode, ReelhouseError, usageError } from "./errors.ts";
import { beginRun, endRun } from "./ledger.ts";
import { stopLeftoverQueries } from "./publish/leftovers.ts";
import { ensureManifest } from "./publish/manifest.ts";
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
 * A killed run's statements could still commit, what it has made visible the ledger may not know, and its publication
 * may lack the manifest.
 */
async function clearUp({ settings, ledger, signal }: Run): Promise<void> {
  await stopLeftoverQueries(settings, "ingest");
  const trino = connectTrino(settings, "ingest", { catalog: "ingest", signal });
  await reconcileVisible({ ledger, trino });
  await settleExclusions({ ledger, trino });
  await ensureManifest({ ledger, store: connectStore(settings, "publisher") });
}

/** Sorts by time, is unique, and names the run in the ledger, the publication and the logs. */
function newRunId(): string {
  const time = new Date().toISOString().replace(/[-:]|\.\d+Z/g, "");
  return `${time}-${randomBytes(3).toString("hex")}`;
}

/** What the caller wrote, from the folder that the caller stands in, on the host; a location as it is. */
export function hostPath(written: string | boolean | undefined, env: NodeJS.ProcessEnv): string | undefined {
  if (typeof written !== "string") return undefined;
  return isLocation(written) ? written : resolve(env.REELHOUSE_FOLDER ?? process.cwd(), written);
}

/** A configuration, and the text that it was read from. */
export interface Configuration {
  /** As the caller knows it. */
  name: string;
  /** Absolute, on the host. */
  hostPath: string;
  text: string;
  pipeline: Pipeline;
}

/** Reads the configuration that `--config` names, relative to the caller's folder. Throws exit 2. */
export function readConfiguration(words: Words, env: NodeJS.ProcessEnv): Configuration {
  const name = String(words.options.config ?? "pipeline.yaml");
  // The wrapper has resolved it already, links and all: it had to mount its folder.
  const hostPath = env.REELHOUSE_CONFIG ?? resolve(env.REELHOUSE_FOLDER ?? process.cwd(), name);
  const hostRoot = env.REELHOUSE_HOST_ROOT ?? "";
  let text: string;
  try {
    text = readFileSync(hostRoot + hostPath, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw usageError(`${hostPath}: cannot be read: ${code}`, "give the configuration with --config FILE");
  }
  const baseFolder = dirname(hostPath);
  const contracts = contractsBeside(hostRoot + baseFolder);
  return {
    name,
    hostPath,
    text,
    pipeline: loadPipeline(text, { file: name, baseFolder, env, contracts }),
  };
}

export const configuredPipeline = (words: Words, env: NodeJS.ProcessEnv): Pipeline =>
  readConfiguration(words, env).pipeline;
