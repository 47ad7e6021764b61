/** What people do with a branch: make it, build and test on it, publish what passed, drop it. */
import { connectCatalog, type Database } from "../catalog.ts";
import { projectHash } from "../dbt.ts";
import { exitCode, ReelhouseError } from "../errors.ts";
import { committedBatches, refusedSources } from "../ledger.ts";
import { latestPublication, requirePublication } from "../publish/journal.ts";
import { branchPointers, type Pointers, type Publication, publish } from "../publish/publish.ts";
import type { Run } from "../session.ts";
import {
  type BuildOptions,
  buildThenTest,
  endEarlierBuild,
  incomplete,
  inputFingerprint,
  keepManifest,
  outcomeOf,
} from "../steps.ts";
import { connectStore } from "../store.ts";
import { connectTrino, type TrinoSession } from "../trino.ts";
import { trinoVersion } from "../versions.ts";
import { deriveAsOf, tableDirectory } from "./as-of.ts";
import { branchCatalog, createCatalog, dropCatalog, settleCatalogs } from "./catalogs.ts";
import { type Branch, changedTables, openBranches, requireBranch, type TestedBranch } from "./registry.ts";

interface Tools {
  publisher: Database;
  /** As admin. */
  trino: TrinoSession;
}

/** Does the work with the connections that it needs, when what an earlier command left half done is settled. */
async function withTools<T>(run: Run, work: (tools: Tools) => Promise<T>): Promise<T> {
  const { settings, ledger, signal } = run;
  const trino = connectTrino(settings, "admin", { catalog: "system", signal });
  const publisher = await connectCatalog(settings, "publisher");
  try {
    const names = (await openBranches(ledger)).map(({ name }) => name);
    await settleCatalogs(trino, names);
    return await work({ publisher, trino });
  } finally {
    await publisher.end();
  }
}

/** A copy of what is published, or of an earlier publication (`at`). */
export function createBranch(
  run: Run,
  { name, at }: { name: string; at: number | undefined },
): Promise<Branch> {
  const { ledger } = run;
  return withTools(run, async ({ publisher, trino }) => {
    if ((await openBranches(ledger)).some((branch) => branch.name === name)) throw alreadyThere(name);
    const latest = await latestPublication(ledger);
    if (latest === undefined) throw refusal("nothing is published yet", "publish first: reelhouse run");
    const origin = at === undefined ? latest : await requirePublication(ledger, at);
    const isNewest = origin.id === latest.id;
    const tables = isNewest ? null : await earlierTables(run, publisher, origin.id);
    const batches = isNewest ? await committedBatches(ledger) : origin.batches;
    await publisher.query("select branch.create_branch($1, $2, $3, $4)", [
      name,
      origin.id,
      JSON.stringify(batches),
      tables && JSON.stringify(tables),
    ]);
    await createCatalog(trino, branchCatalog(name));
    return requireBranch(ledger, name);
  });
}

async function earlierTables({ settings, ledger }: Run, publisher: Database, id: number) {
  const store = connectStore(settings, "publisher");
  return deriveAsOf({ ledger, publisher, store }, id, tableDirectory(id));
}

/** First Trino's catalog, so that nobody writes to what is about to be forgotten. */
export function dropBranch(run: Run, name: string): Promise<void> {
  return withTools(run, async ({ publisher, trino }) => {
    await requireBranch(run.ledger, name);
    await dropCatalog(trino, branchCatalog(name));
    await publisher.query("select branch.drop_branch($1)", [name]);
  });
}

/** Builds and tests all models on the branch, from its own bronze, and notes what passed. Publishes nothing. */
export function buildBranch(
  run: Run,
  name: string,
  { unitTests, partial }: BuildOptions,
): Promise<TestedBranch> {
  const { ledger } = run;
  return withTools(run, async ({ publisher }) => {
    const { batches } = await requireBranch(ledger, name);
    const missing = await refusedSources(ledger);
    if (missing.length > 0 && !partial) throw incomplete(missing);
    // Of the models that are about to be built.
    const fingerprint = inputFingerprint(await projectHash(run.settings), batches, missing);
    await publisher.query("select branch.note_tested($1, null)", [name]);
    await endEarlierBuild(run);
    const work = { catalog: branchCatalog(name), unitTests, checkContracts: true };
    const result = await buildThenTest(run, publisher, work);
    await refuseChanged(publisher, { name, pointers: result.tested }, "while its tests ran");
    const outcome = outcomeOf(result, { missing, trino: await trinoVersion(run.settings) });
    const tested = {
      pointers: Object.fromEntries(result.tested),
      built: [...outcome.tables],
      tests: Object.fromEntries(outcome.tests),
      fingerprint,
      // Without rules: people write here too, so the first build after a publication of it computes everything.
      details: outcome.details,
    };
    await publisher.query("select branch.note_tested($1, $2)", [name, JSON.stringify(tested)]);
    return tested;
  });
}

/** Publishes what the newest build on the branch made, when that is what the branch has and nothing else was published. */
export function publishBranch(
  run: Run,
  name: string,
  { partial }: { partial: boolean },
): Promise<{ publication: Publication; testsPassed: number }> {
  const { settings, ledger, runId, signal } = run;
  return withTools(run, async ({ publisher }) => {
    const branch = await requireBranch(ledger, name);
    const catalog = branchCatalog(name);
    await refuseMovedProduction(ledger, branch);
    const { tested, pointers } = await requireTested(publisher, branch);
    const { fingerprint, details, built, tests } = tested;
    if (details.missing.length > 0 && !partial) throw incomplete(details.missing);
    signal.throwIfAborted();
    const base = new Map([...branch.base].filter(([table]) => !table.startsWith("bronze.")));
    const store = connectStore(settings, "publisher");
    const publication = await publish(
      { publisher, store },
      {
        base,
        tested: pointers,
        built: new Set(built),
        tests: new Map(Object.entries(tests)),
        branch: catalog,
      },
      {
        kind: "build",
        runId,
        fingerprint,
        batches: branch.batches,
        details: { ...details, branch: name },
      },
    );
    await keepManifest(run, store);
    return { publication, testsPassed: details.tests.passed };
  });
}

async function refuseMovedProduction(ledger: Database, { name, forkedFrom }: Branch): Promise<void> {
  const latest = await latestPublication(ledger);
  if (latest?.id === forkedFrom) return;
  throw refusal(
    `publish refused: branch ${name} was forked from publication ${forkedFrom}, and ${latest?.id} (${latest?.kind}) is what is published: re-fork`,
    `re-fork: reelhouse branch drop ${name}, then branch create ${name}, and do your changes again`,
  );
}

/** Throws unless the branch is just as its tests saw it. */
async function requireTested(
  publisher: Database,
  { name, tested }: Branch,
): Promise<{ tested: TestedBranch; pointers: Pointers }> {
  if (tested === undefined)
    throw refusal(`publish refused: branch ${name} has no build whose tests passed`, testAgain(name));
  const pointers = new Map(Object.entries(tested.pointers));
  await refuseChanged(publisher, { name, pointers }, "since its tests");
  return { tested, pointers };
}

async function refuseChanged(
  publisher: Database,
  { name, pointers }: { name: string; pointers: Pointers },
  when: string,
): Promise<void> {
  const changed = changedTables(pointers, await branchPointers(publisher, branchCatalog(name)));
  if (changed.length === 0) return;
  throw refusal(
    `${changed.join(", ")} changed on branch ${name} ${when}: it cannot be published`,
    testAgain(name),
  );
}

const testAgain = (name: string) => `test what is there: reelhouse build --branch ${name}`;

const refusal = (message: string, next: string) => new ReelhouseError(message, exitCode.failed, { next });

const alreadyThere = (name: string) =>
  refusal(
    `there is a branch ${name} already`,
    `choose another name, or drop it first: reelhouse branch drop ${name}`,
  );
