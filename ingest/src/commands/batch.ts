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
  type LoadedKey,
  loadedDeliveries,
  releaseBatch,
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
    source: { type: "string", value: "NAME", help: "of this source: the same bytes may be those of several" },
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
    const held = (await heldBatches(ledger)).filter(({ batchId }) => batchId.startsWith(id));
    const batch = requireOne(held, "held", id, options);
    await releaseBatch(ledger, batch);
    const { source, batchId, file } = batch;
    report.info("released", `${source}: ${file}: the next run loads it as it is`, { source, batchId });
    if (options.json) print(`${JSON.stringify([{ source, batchId, file }])}\n`);
    return exitCode.ok;
  } finally {
    await ledger.end();
  }
}

/** Lets the loaded batch whose id begins with `id` count no more, or again, from the next build on. */
function change(id: string, exclude: boolean, words: Words, context: Context): Promise<number> {
  const command = `batch ${exclude ? "exclude" : "include"}`;
  return withRun({ command, parts: loadingParts, words, context }, async (run) => {
    const { ledger, settings, signal, report } = run;
    const state = exclude ? "committed" : "excluded";
    const known = exclude ? "loaded" : "excluded";
    const batch = requireOne(await loadedDeliveries(ledger, { id, state }), known, id, words.options);
    const trino = connectTrino(settings, "ingest", { catalog: "ingest", signal });
    await setExcluded({ trino, ledger }, [batch], exclude);
    const { source, batchId, file, rows } = batch;
    const effect = exclude
      ? `the next build leaves its ${rows} rows out`
      : `the next build has its ${rows} rows again`;
    report.info(exclude ? "excluded" : "included", `${source}: ${file}: ${effect}`, { source, batchId });
    if (words.options.json) context.print(`${JSON.stringify(await loadedDeliveries(ledger, { id }))}\n`);
    return exitCode.ok;
  });
}

function requireId(id: string): string {
  if (/^[0-9a-f]{8,64}$/.test(id)) return id;
  throw usageError(`expected at least ${leastIdLength} hexadecimal digits of a batch's id, found '${id}'`);
}

/** Throws unless the id means one batch: the same bytes may be loaded for several sources. */
function requireOne<Batch extends LoadedKey & { file: string }>(
  batches: readonly Batch[],
  state: Parameters<typeof noBatch>[0],
  id: string,
  { source }: Words["options"],
): Batch {
  const found = batches.filter((batch) => source === undefined || batch.source === source);
  const [batch, ...others] = found;
  if (batch === undefined) throw noBatch(state, id);
  if (others.length === 0) return batch;
  const names = found.map((one) => `${one.source}: ${one.file} (${one.batchId.slice(0, 12)})`);
  throw usageError(
    `${id} means ${found.length} batches: ${names.join("; ")}`,
    "give more digits, or the source with --source NAME",
  );
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
