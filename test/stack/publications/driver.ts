/**
 * Drives the publish functions themselves, without dbt: run in the stack's network by publications.test.ts, once per
 * loop. The tables are the test's own. Prints one JSON object.
 *
 * node driver.ts fork                    audit becomes a copy of the lakehouse
 * node driver.ts publish NAMES           what is on audit, of these tables; others leave
 * node driver.ts move FIRST SECOND TIMES rolls back to publication SECOND, FIRST, SECOND, ...
 * node driver.ts race TIMES              two publishers at once, so many times
 */
import { connectCatalog, type Database } from "../../../ingest/src/catalog.ts";
import { latestPublication } from "../../../ingest/src/publish/journal.ts";
import {
  branchPointers,
  forkAudit,
  type Occasion,
  type Pointers,
  publish,
} from "../../../ingest/src/publish/publish.ts";
import { commitRollback, prepareRollback, type UndoTools } from "../../../ingest/src/publish/rollback.ts";
import { loadSettings } from "../../../ingest/src/settings.ts";
import { connectStore } from "../../../ingest/src/store.ts";

const settings = loadSettings(process.env);
const store = connectStore(settings, "publisher");
const ledger = await connectCatalog(settings, "ledger");
const publisher = await connectCatalog(settings, "publisher");
const tools: UndoTools = { ledger, publisher, store };
const occasion: Occasion = {
  kind: "build",
  runId: "driver",
  fingerprint: "driver",
  batches: [],
  details: {},
};

const [, , command, ...words] = process.argv;
const commands: Record<string, () => Promise<object>> = { fork, publish: publishNamed, move, race };
const result = await commands[command ?? ""]?.();
process.stdout.write(`${JSON.stringify(result)}\n`);
await Promise.all([ledger.end(), publisher.end()]);

async function fork() {
  return { tables: (await forkAudit(publisher)).size };
}

async function publishNamed() {
  const base = await branchPointers(publisher, "lakehouse");
  const tested = await branchPointers(publisher, "audit");
  const { id } = await publish({ publisher, store }, { base, tested, built: new Set(words) }, occasion);
  return { id };
}

async function move() {
  const [first, second, times] = words.map(Number) as [number, number, number];
  const ids: number[] = [];
  for (let turn = 0; turn < times; turn += 1) {
    const undoing = await prepareRollback(tools, turn % 2 === 0 ? second : first);
    ids.push((await commitRollback(tools, undoing, "driver")).id);
  }
  return { ids };
}

/** Each race: one build against another, or against a rollback, with a head start of 0 to 19 ms. */
async function race() {
  const [times] = words.map(Number) as [number];
  const other = { ...tools, publisher: await connectCatalog(settings, "publisher") };
  const outcomes = { firstWon: 0, secondWon: 0, refusals: new Set<string>(), faults: [] as string[] };
  for (let turn = 0; turn < times; turn += 1) {
    const before = await latestPublication(ledger);
    const base = await forkAudit(publisher);
    const headStartMs = (turn * 7) % 20;
    const undoing = turn % 2 === 0 ? undefined : await prepareRollback(other);
    const racers = [
      publishFork(publisher, base),
      later(headStartMs, () =>
        undoing ? commitRollback(other, undoing, "driver") : publishFork(other.publisher, base),
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
function publishFork(by: Database, base: Pointers) {
  return publish({ publisher: by, store }, { base, tested: base, built: new Set(base.keys()) }, occasion);
}

async function later<T>(ms: number, work: () => Promise<T>): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return work();
}
