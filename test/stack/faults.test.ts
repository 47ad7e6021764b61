/** kill -9 of the ingester, of dbt and of the publisher, at every step: a clean rerun gives the right result. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Death, dieAndRunAgain, dieAt, killed } from "./cli.ts";
import { csvFile, deliver, sampleDeliveries } from "./deliveries.ts";
import { goldOf, recordCount, smallGold } from "./small-gold.ts";
import { type Outcome, type Stack, startAgain, startStack } from "./stack.ts";

let stack: Stack;
const sample = sampleDeliveries();
const critics = sample.critic_agg.map(({ text }) => text);
const boxOffice = sample.box_office_domestic.map(({ text }) => text);
/** Of everything delivered so far. */
const expectedGold = () => smallGold(critics, boxOffice);

beforeAll(async () => {
  stack = await startStack("faults", { hasSmallModels: true, keepsCli: true });
  stack.write("critics.yaml", "source:\n  critic_agg: data/sample/critic_agg.csv\n");
  await stack.succeed(["run", "--no-export"]);
});
afterAll(() => stack?.stop());

let deliveries = 0;

/** A new critics' file with a film of its own, one changed film and a broken row, so that a run has something to load. */
function deliverNewFile(): void {
  deliveries += 1;
  const rows = [`Parasite,2019,${deliveries % 100},9.5,475`, `Only In ${deliveries},2001,1,1,1`, "broken"];
  const text = csvFile("critic_agg", rows);
  critics.push(text);
  deliver(stack, { critic_agg: text });
}

async function expectAllLoadedOnce(): Promise<void> {
  expect(await goldOf(stack)).toEqual(expectedGold());
  await expectBronzeComplete();
}

/** Every row of every delivery is in bronze or in quarantine, once. */
async function expectBronzeComplete(context?: string): Promise<void> {
  const [rows] = await stack.query(
    `SELECT (SELECT count(*) FROM bronze.critic_agg) AS accepted,
            (SELECT count(*) FROM bronze.quarantine WHERE source = 'critic_agg') AS quarantined,
            count(*) AS batches, count(DISTINCT batch_id) AS different, sum(rows_read) AS read
     FROM bronze.batches WHERE source = 'critic_agg'`,
    "admin",
  );
  const read = recordCount(critics);
  const batches = critics.length;
  const expected = {
    accepted: read - deliveries,
    quarantined: deliveries,
    batches,
    different: batches,
    read,
  };
  expect(rows, context).toEqual(expected);
}

/** The words that ask the CLI for one step, with its files where the test delivers them. */
const ingestCritics = ["ingest", "--config", "critics.yaml"];
describe("kill -9 of the ingester", () => {
  for (const moment of ["before", "during"] as const) {
    it(
      `should load each delivery once when the run dies ${moment} any of its operations`,
      async () => {
        for (let operation = 1; ; operation += 1) {
          deliverNewFile();
          const { code, stderr } = await dieAndRunAgain(
            stack,
            { moment, at: `^${operation} ` },
            ingestCritics,
          );
          expect([0, killed], stderr).toContain(code);
          await expectBronzeComplete(stderr);
          if (code === 0) {
            // The claim, three uploads, two registrations, the commit and its note in the ledger, at least.
            expect(operation, stderr).toBeGreaterThan(10);
            break;
          }
        }
        await stack.succeed(["build"]);
        await expectAllLoadedOnce();
      },
      10 * 60_000,
    );
  }

  it("should load what was written before it died, though its file is gone by the next run", async () => {
    deliverNewFile();
    const written = { moment: "during", at: "set state = 'written'", laterMs: 100 } as const;
    const { code, stderr } = await dieAt(stack, written, ingestCritics);
    expect(code, stderr).toBe(killed);
    expect(await stack.catalogQuery("select count(*) from ledger.batch where state = 'written'")).toBe("1");
    deliverNewFile();
    await stack.succeed(ingestCritics);
    await expectBronzeComplete();
    await stack.succeed(["build"]);
    await expectAllLoadedOnce();
  });
});

/**
 * Each run that dies begins with what the one before has left, its locks included, and gets at least as far; the last one
 * completes all. A rollback publishes as a run does, and needs no build for it: the publications before are there to return to.
 */
describe("kill -9 during the build", () => {
  const words = ["run", "--no-export"];
  const rollback = ["rollback"];
  /** `published`: undefined where the operation that decides is in flight: all or nothing, but either. */
  const deaths: (Death & { published?: boolean; words?: string[] })[] = [
    { moment: "during", at: "branch\\.fork", published: false },
    { moment: "during", at: "POST /build", laterMs: 1000, published: false },
    { moment: "before", at: "PUT /warehouse", published: false, words: rollback },
    // The last of them takes no longer than that.
    { moment: "during", at: "PUT /warehouse", laterMs: 1, published: false, words: rollback },
    { moment: "before", at: "branch\\.publish", published: false, words: rollback },
    { moment: "during", at: "branch\\.publish" },
    { moment: "before", at: "update ledger\\.run", published: true },
  ];
  it.each(deaths)("should publish all or nothing when the run dies $moment $at", async (death) => {
    const before = await goldOf(stack);
    if (death.words === undefined) deliverNewFile();
    const { code, stderr } = await dieAt(stack, death, death.words ?? words);
    expect(code, stderr).toBe(killed);
    const after = await goldOf(stack);
    const isComplete = isDeepStrictEqual(after, expectedGold());
    if (!isComplete) expect(after, stderr).toEqual(before);
    expect(isComplete, stderr).toBe(death.published ?? isComplete);
  });

  describe("kill -9 of dbt", () => {
    /** It never ends, or the build might before dbt is killed; the next run ends its query. dbt reads it at its start. */
    const endlessTest = "dbt_project/tests/never_ends.sql";
    const numbers = "unnest(sequence(1, 10000))";
    beforeAll(() => {
      stack.write(
        endlessTest,
        // A filter on one of them would be asked before they are joined.
        `select a from ${numbers} as a (a) cross join ${numbers} as b (b) cross join ${numbers} as c (c) where a + b + c < 0\n`,
      );
    });
    afterAll(() => rmSync(join(stack.folder, endlessTest)));
    beforeEach(() => startAgain(stack, "dbt"));

    it.each([/model critics: success/, /model movies: success/, /test [^\n]*movies[^\n]*: pass/])(
      "should publish nothing when dbt dies at '%s'",
      async (line) => {
        const before = await goldOf(stack);
        deliverNewFile();
        let death: Promise<Outcome> | undefined;
        const outcome = await stack.cli.run("reelhouse", words, {
          env: { REELHOUSE_TERMINAL: "1" },
          onStderr: (text) => {
            if (line.test(text)) death ??= stack.compose(["kill", "--signal", "KILL", "dbt"]);
          },
        });
        expect(death, outcome.stderr).toBeDefined();
        await death;
        expect(outcome.code, outcome.stderr).toBe(5);
        expect(await goldOf(stack)).toEqual(before);
      },
    );
  });

  it("should be made up for by one run that lives", async () => {
    await startAgain(stack, "dbt");
    await stack.succeed(words);
    await expectAllLoadedOnce();
  });
});

describe("a pointer that moved", () => {
  /** Asks for a publication of what is on the branch, with one pointer of `faulty` not as it is. */
  const publishWithFault = (faulty: "base" | "tested") =>
    stack.catalogQuery(
      `set role publisher;
       select branch.publish(jsonb_build_object(
           'id', 9999, 'kind', 'build', 'run_id', 'stray', 'published_at', now(), 'fingerprint', 'stray',
           'batches', '[]'::jsonb, 'branch', 'audit', 'details', '{}'::jsonb, 'tables', jsonb_agg(moved || case name
               when 'movies' then jsonb_build_object('${faulty}', 's3://warehouse/elsewhere') else '{}' end)))
       from (
           select production.table_name as name, jsonb_build_object(
               'namespace', production.table_namespace, 'name', production.table_name,
               'base', production.metadata_location, 'tested', audit.metadata_location,
               'published', production.metadata_location) as moved
           from iceberg.iceberg_tables as production
           join iceberg.iceberg_tables as audit using (table_namespace, table_name)
           where production.catalog_name = 'lakehouse' and audit.catalog_name = 'audit'
               and table_namespace in ('silver', 'gold')
       ) as tables`,
    );

  it.each([
    { faulty: "base", says: "gold.movies moved in lakehouse since the fork" },
    { faulty: "tested", says: "gold.movies changed on audit since its tests" },
  ] as const)("should keep a publication from happening: $faulty", async ({ faulty, says }) => {
    const journal = () => stack.catalogQuery("select count(*) from branch.publication");
    const before = [await goldOf(stack), await journal()];
    await expect(publishWithFault(faulty)).rejects.toThrow(says);
    expect([await goldOf(stack), await journal()]).toEqual(before);
  });
});
