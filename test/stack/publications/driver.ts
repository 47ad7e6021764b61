/**
 * The publish functions themselves, without dbt, on tables of the test's own: runs in the stack's network and does what
 * each line of its input asks, `NAME WORDS...`; answers each with one line of JSON. See drive.ts.
 *
 * fork                     audit becomes a copy of the lakehouse
 * test                     what is on audit now is what the next publication is of
 * publish NAMES            of these tables; others leave
 * die NAMES                the same without its transaction, as if killed right before
 * rollback TO              a rollback
 * move FIRST SECOND TIMES  rolls back to publication SECOND, FIRST, SECOND, ...
 * race TIMES               two publishers at once, so many times
 * learn NAME               keeps the snapshots of a table on audit
 * build NAME NUMBER TWICE  makes a table on audit of the learned snapshot NUMBER; TWICE: with an empty one before it
 */
import { createInterface } from "node:readline/promises";
import { connectCatalog, type Database } from "../../../ingest/src/catalog.ts";
import { latestPublication } from "../../../ingest/src/publish/journal.ts";
import {
  branchPointers,
  forkAudit,
  type Occasion,
  type Pointers,
  type Publication,
  publish,
  readMetadata,
  type Tested,
} from "../../../ingest/src/publish/publish.ts";
import { commitRollback, prepareRollback, type UndoTools } from "../../../ingest/src/publish/rollback.ts";
import { loadSettings } from "../../../ingest/src/settings.ts";
import { connectStore } from "../../../ingest/src/store.ts";
import { type Snapshots, snapshotsOf, writeBuild } from "./build.ts";

const settings = loadSettings(process.env);
const store = connectStore(settings, "publisher");
const occasion: Occasion = {
  kind: "build",
  runId: "driver",
  fingerprint: "driver",
  batches: [],
  details: {},
};
let base: Pointers = new Map();
let tested: Pointers | undefined;
let learned: Snapshots | undefined;

type Call = (tools: UndoTools, words: string[]) => Promise<object>;
const calls: Record<string, Call> = {
  fork,
  test,
  publish: publishNamed,
  die,
  rollback,
  move,
  race,
  learn,
  build,
};
for await (const line of createInterface({ input: process.stdin })) {
  const [name = "", ...words] = line.split(" ");
  process.stdout.write(`${JSON.stringify(await answer(name, words))}\n`);
}

/** With connections of its own: PostgreSQL may have been killed in between. */
async function answer(name: string, words: string[]): Promise<object> {
  const open: Database[] = [];
  const connect = async (role: "ledger" | "publisher") => {
    const connection = await connectCatalog(settings, role);
    open.push(connection);
    return connection;
  };
  try {
    const tools = { ledger: await connect("ledger"), publisher: await connect("publisher"), store };
    return (await calls[name]?.(tools, words)) ?? { refused: `there is no ${name}` };
  } catch (error) {
    return { refused: (error as Error).message };
  } finally {
    for (const connection of open) await connection.end().catch(() => undefined);
  }
}

async function fork({ publisher }: UndoTools) {
  base = await forkAudit(publisher);
  tested = undefined;
  return { tables: base.size };
}

async function test({ publisher }: UndoTools) {
  tested = await branchPointers(publisher, "audit");
  return { tables: tested.size };
}

async function build({ publisher }: UndoTools, [name = "", number = "", twice = ""]: string[]) {
  const pointer = (await branchPointers(publisher, "audit")).get(name);
  if (learned === undefined) throw new Error("nothing was learned");
  await writeBuild(store, { name, pointer, isTwice: twice === "twice" }, learned, Number(number));
  return {};
}

async function learn({ publisher }: UndoTools, [name = ""]: string[]) {
  const pointer = (await branchPointers(publisher, "audit")).get(name);
  if (pointer === undefined) throw new Error(`${name} is not on audit`);
  learned = snapshotsOf(await readMetadata(store, pointer));
  return { snapshots: learned.usable.length };
}

async function testedNow(publisher: Database, names: string[]): Promise<Tested> {
  return { base, tested: tested ?? (await branchPointers(publisher, "audit")), built: new Set(names) };
}

async function publishNamed(tools: UndoTools, names: string[]) {
  return outcome(tools, await publish(tools, await testedNow(tools.publisher, names), occasion));
}

/** The transaction alone is replaced: everything before it happens. */
async function die({ publisher }: UndoTools, names: string[]) {
  const deaf: Database = {
    end: () => publisher.end(),
    query: (sql, values) =>
      sql.includes("branch.publish(") ? Promise.resolve({ rows: [] }) : publisher.query(sql, values),
  };
  await publish({ publisher: deaf, store }, await testedNow(publisher, names), occasion);
  return {};
}

async function rollback(tools: UndoTools, [to]: string[]) {
  const undoing = await prepareRollback(tools, Number(to));
  return outcome(tools, await commitRollback(tools, undoing, "driver"));
}

/** `tables`: what the lakehouse has now. */
async function outcome({ publisher }: UndoTools, { id, publishedAt }: Publication) {
  const tables = [...(await branchPointers(publisher, "lakehouse")).keys()].sort();
  return { id, atMs: publishedAt.getTime(), tables };
}

async function move(tools: UndoTools, [first = "", second = "", times = ""]: string[]) {
  const ids: number[] = [];
  for (let turn = 0; turn < Number(times); turn += 1) {
    ids.push((await rollback(tools, [turn % 2 === 0 ? second : first])).id);
  }
  return { ids };
}

/** Each race: one build against another, or against a rollback, with a head start of 0 to 19 ms. */
async function race(tools: UndoTools, [times = ""]: string[]) {
  const { ledger, publisher } = tools;
  const other = { ...tools, publisher: await connectCatalog(settings, "publisher") };
  const outcomes = { firstWon: 0, secondWon: 0, refusals: new Set<string>(), faults: [] as string[] };
  for (let turn = 0; turn < Number(times); turn += 1) {
    const before = await latestPublication(ledger);
    const forked = await forkAudit(publisher);
    const headStartMs = (turn * 7) % 20;
    const undoing = turn % 2 === 0 ? undefined : await prepareRollback(other);
    const racers = [
      publishFork(publisher, forked),
      later(headStartMs, () =>
        undoing ? commitRollback(other, undoing, "driver") : publishFork(other.publisher, forked),
      ),
    ];
    const [first, second] = await Promise.allSettled(racers);
    if (first?.status === "fulfilled") outcomes.firstWon += 1;
    if (second?.status === "fulfilled") outcomes.secondWon += 1;
    for (const racer of [first, second]) {
      if (racer?.status === "rejected")
        outcomes.refusals.add(String(racer.reason.message).replace(/: .* moved/, ": X moved"));
    }
    const after = await latestPublication(ledger);
    const winners = [first, second].filter((racer) => racer?.status === "fulfilled").length;
    if (winners !== 1 || after?.id !== (before?.id ?? 0) + 1)
      outcomes.faults.push(`race ${turn}: ${winners} winners, publication ${before?.id} -> ${after?.id}`);
  }
  await other.publisher.end();
  return { ...outcomes, refusals: [...outcomes.refusals] };
}

/** Publishes a fork as it is: nothing changed, and every pointer moves all the same. */
function publishFork(by: Database, forked: Pointers) {
  const unchanged = { base: forked, tested: forked, built: new Set(forked.keys()) };
  return publish({ publisher: by, store }, unchanged, occasion);
}

async function later<T>(ms: number, work: () => Promise<T>): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return work();
}
