import { Readable } from "node:stream";
import { createBranch, dropBranch, publishBranch } from "../branches/branch.ts";
import { branchCatalog } from "../branches/catalogs.ts";
import { type BranchStatus, branchStatuses } from "../branches/list.ts";
import { branchName } from "../branches/registry.ts";
import { branchStates } from "../branches/state.ts";
import { connectCatalog } from "../catalog.ts";
import { loadingParts, type Part } from "../checks.ts";
import {
  type Actions,
  actionOf,
  type Command,
  type Context,
  commonOptions,
  onlyWord,
  type Words,
} from "../command.ts";
import { exitCode, usageError } from "../errors.ts";
import { publicationNumber } from "../publish/journal.ts";
import { resultFormats } from "../results/formats.ts";
import { withRun } from "../session.ts";
import { loadSettings } from "../settings.ts";
import { tellPublished } from "../steps.ts";
import { connectStore } from "../store.ts";
import { connectTrino } from "../trino.ts";
import { limitOption, showDifferences } from "./diff.ts";

const actions: Actions<number> = { create, list, diff, publish, drop };

export const branch: Command = {
  summary: "writable copies of the lakehouse, for trying a change: create, list, diff, publish, drop",
  positionals: "create NAME | list | diff NAME [SCHEMA.TABLE] | publish NAME | drop NAME",
  options: {
    at: { type: "string", value: "PUBLICATION", help: "create: from this publication (default: the newest)" },
    partial: { type: "boolean", help: "publish: even if a source was refused" },
    limit: limitOption,
    wait: commonOptions.wait,
    json: commonOptions.json,
  },
  async run(all, context) {
    const { action, words } = actionOf("branch", actions, all);
    return action(words, context);
  },
};

/** Where pointers move and nothing is read, Trino is not asked first: its answer to what has to be done comes as soon. */
const pointing: readonly Part[] = ["catalog"];

const onlyName = (words: Words) => branchName(onlyWord("branch", words));

async function create(words: Words, context: Context): Promise<number> {
  const name = onlyName(words);
  const at = words.options.at === undefined ? undefined : publicationNumber(String(words.options.at));
  return withRun({ command: "branch create", parts: pointing, words, context }, async (run) => {
    const { forkedFrom } = await createBranch(run, { name, at });
    const catalog = branchCatalog(name);
    context.report.info("created", `branch ${name} of publication ${forkedFrom}: Trino's catalog ${catalog}`);
    if (words.options.json) context.print(`${JSON.stringify({ name, catalog, forkedFrom })}\n`);
    return exitCode.ok;
  });
}

async function publish(words: Words, context: Context): Promise<number> {
  const name = onlyName(words);
  const partial = words.options.partial === true;
  return withRun({ command: "branch publish", parts: loadingParts, words, context }, async (run) => {
    const { publication, testsPassed } = await publishBranch(run, name, { partial });
    tellPublished(publication, testsPassed, context.report);
    if (words.options.json)
      context.print(`${JSON.stringify({ branch: name, publication: publication.id })}\n`);
    return exitCode.ok;
  });
}

async function drop(words: Words, context: Context): Promise<number> {
  const name = onlyName(words);
  return withRun({ command: "branch drop", parts: pointing, words, context }, async (run) => {
    await dropBranch(run, name);
    context.report.info("dropped", `branch ${name} is gone`);
    if (words.options.json) context.print(`${JSON.stringify({ dropped: name })}\n`);
    return exitCode.ok;
  });
}

async function diff(words: Words, context: Context): Promise<number> {
  const [word, table, ...more] = words.positionals;
  const name = branchName(word);
  if (more.length > 0) throw usageError(`reelhouse branch diff: unexpected word '${more[0]}'`);
  const settings = loadSettings(context.env);
  const ledger = await connectCatalog(settings, "ledger");
  try {
    const trino = connectTrino(settings, "developer", {
      catalog: branchCatalog(name),
      signal: context.signal,
    });
    const states = await branchStates({ ledger, store: connectStore(settings, "publisher"), trino }, name);
    await showDifferences(trino, states, { table, heading: { branch: name } }, words, context);
    return exitCode.ok;
  } finally {
    await ledger.end();
  }
}

async function list(words: Words, { env, print }: Context): Promise<number> {
  if (words.positionals.length > 0)
    throw usageError(`reelhouse branch list: unexpected word '${words.positionals[0]}'`);
  const ledger = await connectCatalog(loadSettings(env), "ledger");
  try {
    const branches = await branchStatuses(ledger, new Date());
    if (words.options.json) print(`${JSON.stringify(branches)}\n`);
    else for await (const text of resultFormats.table.encode(Readable.from([asTable(branches)]))) print(text);
    return exitCode.ok;
  } finally {
    await ledger.end();
  }
}

const asTable = (branches: BranchStatus[]) => ({
  columns: ["name", "age", "forked_from", "changed", "tested", "publish"].map((name) => ({
    name,
    type: "varchar",
  })),
  rows: branches.map(({ name, ageSeconds, forkedFrom, changed, tested, refusal }) => [
    name,
    inWords(ageSeconds),
    String(forkedFrom),
    changed.length > 0 ? changed.join(", ") : "nothing",
    tested,
    refusal ?? "ready",
  ]),
});

function inWords(seconds: number): string {
  if (seconds >= 2 * 86_400) return `${Math.floor(seconds / 86_400)} d`;
  if (seconds >= 2 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 60)} min`;
}
