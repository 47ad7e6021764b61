import { setExcluded } from "../bronze/exclusion.ts";
import type { RejectSummary } from "../bronze/parts.ts";
import { connectCatalog } from "../catalog.ts";
import { loadingParts } from "../checks.ts";
import { alignedRows, type Command, type Context, commonOptions, type Words } from "../command.ts";
import { exitCode, ReelhouseError, usageError } from "../errors.ts";
import {
  type HeldBatch,
  heldBatches,
  type LoadedDelivery,
  loadedDeliveries,
  releaseBatches,
} from "../ledger.ts";
import { withRun } from "../session.ts";
import { loadSettings } from "../settings.ts";
import { connectTrino } from "../trino.ts";

const usage = "expected 'list', 'release ID', 'exclude ID' or 'include ID'";
/** Fewer digits may mean another batch tomorrow. */
const leastIdLength = 8;

export const batch: Command = {
  summary: "deliveries: list what is held or excluded, release one, exclude or include one that is loaded",
  positionals: "list | release ID | exclude ID | include ID",
  options: {
    all: { type: "boolean", help: "list: those that count too" },
    wait: commonOptions.wait,
    json: commonOptions.json,
  },
  async run(words, context) {
    const [action, id, ...more] = words.positionals;
    const fault = usageError(`reelhouse batch: ${usage}`, "reelhouse batch list --all shows the ids");
    if (more.length > 0 || (action === "list") !== (id === undefined)) throw fault;
    if (id === undefined) return list(words, context);
    if (action === "release") return release(requireId(id), words, context);
    if (action === "exclude") return change(requireId(id), true, words, context);
    if (action === "include") return change(requireId(id), false, words, context);
    throw fault;
  },
};

async function list({ options }: Words, { print, env }: Context): Promise<number> {
  const ledger = await connectCatalog(loadSettings(env), "ledger");
  try {
    const held = (await heldBatches(ledger)).map((batch) => ({ ...batch, state: "held" as const }));
    const loaded = await loadedDeliveries(ledger, options.all ? {} : { state: "excluded" });
    const batches = [...held, ...loaded];
    print(options.json ? `${JSON.stringify(batches)}\n` : describe(batches));
    return exitCode.ok;
  } finally {
    await ledger.end();
  }
}

async function release(id: string, { options }: Words, { print, env, report }: Context): Promise<number> {
  const ledger = await connectCatalog(loadSettings(env), "ledger");
  try {
    const released = await releaseBatches(ledger, id);
    if (released.length === 0) throw noBatch("held", id);
    for (const { source, sourceFile } of released) {
      report.info("released", `${source}: ${sourceFile}: the next run loads it as it is`, { source, id });
    }
    if (options.json) print(`${JSON.stringify(released)}\n`);
    return exitCode.ok;
  } finally {
    await ledger.end();
  }
}

/** Lets the loaded batches whose id begins with `id` count no more, or again, from the next build on. */
function change(id: string, exclude: boolean, words: Words, context: Context): Promise<number> {
  const command = `batch ${exclude ? "exclude" : "include"}`;
  return withRun({ command, parts: loadingParts, words, context }, async (run) => {
    const { ledger, settings, signal, report } = run;
    const state = exclude ? "committed" : "excluded";
    const batches = await loadedDeliveries(ledger, { id, state });
    if (batches.length === 0) throw noBatch(exclude ? "loaded" : "excluded", id);
    const trino = connectTrino(settings, "ingest", { catalog: "ingest", signal });
    await setExcluded({ trino, ledger }, batches, exclude);
    for (const { source, file, rows } of batches) {
      const effect = exclude ? "the next build leaves its" : "the next build has its";
      report.info(
        exclude ? "excluded" : "included",
        `${source}: ${file}: ${effect} ${rows} rows${exclude ? " out" : " again"}`,
        {
          source,
          id,
        },
      );
    }
    if (words.options.json) context.print(`${JSON.stringify(await loadedDeliveries(ledger, { id }))}\n`);
    return exitCode.ok;
  });
}

function requireId(id: string): string {
  if (/^[0-9a-f]{8,64}$/.test(id)) return id;
  throw usageError(`expected at least ${leastIdLength} hexadecimal digits of a batch's id, found '${id}'`);
}

const noBatch = (state: "held" | "loaded" | "excluded", id: string) =>
  new ReelhouseError(`no ${state} batch has an id that begins with ${id}`, exitCode.failed, {
    next: `see which are ${state}: reelhouse batch list${state === "loaded" ? " --all" : ""}`,
  });

type Listed = (HeldBatch & { state: "held" }) | LoadedDelivery;

function describe(batches: Listed[]): string {
  if (batches.length === 0) return "nothing is held back or excluded\n";
  return alignedRows(batches.map((batch) => [batch.batchId.slice(0, 12), inWords(batch)]));
}

function inWords(batch: Listed): string {
  const delivery = `${batch.state} ${batch.source}: ${batch.file}`;
  if (batch.state === "held") {
    const { reason, next } = batch.hold;
    const lines = [
      `${delivery}, since ${minute(batch.heldAt)}`,
      reason,
      ...examplesOf(batch),
      `next: ${next}`,
    ];
    return lines.join("\n    ");
  }
  const excluded = batch.excludedAt ? `, excluded ${minute(batch.excludedAt)}` : "";
  return `${delivery}, ${batch.rows} rows, loaded ${minute(batch.committedAt)}${excluded}`;
}

const minute = (time: Date) => `${time.toISOString().slice(0, 16)}Z`;

const examplesOf = ({ hold: { details } }: HeldBatch) =>
  ((details.examples ?? []) as RejectSummary["examples"]).map(
    ({ lineNumber, reason, raw }) => `line ${lineNumber}, ${reason}: ${JSON.stringify(raw)}`,
  );
