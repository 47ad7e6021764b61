/** kill -9 of the ingester, of dbt and of the publisher, at many moments: a clean rerun gives the right result. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Delivery, differences, expectedLake, type SourceName } from "../oracle/index.ts";
import { csvFile, deliver, goldMovies, sampleDeliveries } from "./deliveries.ts";
import { type Outcome, type Stack, startStack } from "./stack.ts";

let stack: Stack;
const delivered: Record<SourceName, Delivery[]> = sampleDeliveries();

beforeAll(async () => {
  stack = await startStack("faults");
  await stack.succeed(["run", "--no-export"]);
});
afterAll(() => stack?.stop());

/** A new critics' file, so that a run has something to load. */
function deliverNewFile(score: number): void {
  const text = csvFile("critic_agg", [
    `Parasite,2019,${score},9.5,475`,
    `Only In ${score},2001,1,1,1`,
    "broken",
  ]);
  delivered.critic_agg.push({ file: "critic_agg.csv", text });
  deliver(stack, { critic_agg: text });
}

async function expectAllLoadedOnce(): Promise<void> {
  const expected = expectedLake(delivered);
  expect(differences(await goldMovies(stack), expected.movies)).toEqual([]);
  const doubled = await stack.query(
    "SELECT source, batch_id FROM bronze.batches GROUP BY 1, 2 HAVING count(*) > 1",
    "admin",
  );
  expect(doubled).toEqual([]);
  const [rows] = await stack.query(
    `SELECT (SELECT count(*) FROM bronze.critic_agg) AS accepted,
            (SELECT count(*) FROM bronze.quarantine WHERE source = 'critic_agg') AS quarantined,
            (SELECT sum(rows_read) FROM bronze.batches WHERE source = 'critic_agg') AS read`,
    "admin",
  );
  expect(Number(rows?.accepted) + Number(rows?.quarantined)).toBe(rows?.read);
  expect(rows?.read).toBe(expected.accounting.critic_agg.read);
}

/** Starts a command and kills its container `afterMs` after the run began to hold the lock. */
async function killDuring(words: string[], afterMs: number): Promise<Outcome> {
  const outcome = stack.reelhouse(words);
  const ended = outcome.then(() => true);
  for (;;) {
    if ((await lockHolders()) > 0 || (await Promise.race([ended, pause(50).then(() => false)]))) break;
  }
  await pause(afterMs);
  kills += await killCommand();
  return outcome;
}

async function lockHolders(): Promise<number> {
  return Number(
    await stack.catalogQuery("select count(*) from pg_locks where locktype = 'advisory' and granted"),
  );
}

/** kill -9 of the container in which `./scripts/reelhouse` runs its command. */
async function killCommand(): Promise<number> {
  const { stdout } = await stack.run("docker", [
    "ps",
    "--quiet",
    "--filter",
    `label=com.docker.compose.project=${stack.project}`,
    "--filter",
    "label=com.docker.compose.oneoff=True",
  ]);
  const ids = stdout.split("\n").filter(Boolean);
  for (const id of ids) await stack.run("docker", ["kill", "--signal", "KILL", id]);
  return ids.length;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs that were killed indeed, and had not ended before. */
let kills = 0;

describe("kill -9 of the ingester", () => {
  // From before the claim to after the commit, on a warm stack.
  for (const afterMs of [0, 150, 300, 500, 700, 900, 1200, 1600]) {
    it(`should load the delivery once when the run is killed ${afterMs} ms in`, async () => {
      deliverNewFile(20 + afterMs / 50);
      await killDuring(["ingest"], afterMs);
      await stack.succeed(["ingest"]);
    });
  }

  it("should have lost and doubled nothing", async () => {
    expect(kills).toBeGreaterThanOrEqual(4);
    await stack.succeed(["build"]);
    await expectAllLoadedOnce();
  });
});

describe("kill -9 during the build", () => {
  for (const { victim, afterMs } of [
    { victim: "dbt", afterMs: 500 },
    { victim: "dbt", afterMs: 4000 },
    { victim: "dbt", afterMs: 9000 },
    { victim: "run", afterMs: 2500 },
    { victim: "run", afterMs: 8000 },
    { victim: "run", afterMs: 12000 },
  ]) {
    it(`should publish all or nothing when ${victim} is killed ${afterMs} ms in, and all with the next run`, async () => {
      const before = await goldMovies(stack);
      deliverNewFile(60 + afterMs / 500 + (victim === "run" ? 0.5 : 0));
      const words = ["run", "--no-export"];
      const outcome =
        victim === "run" ? await killDuring(words, afterMs) : await killDbtDuring(words, afterMs);
      const after = await goldMovies(stack);
      const complete = differences(after, expectedLake(delivered).movies).length === 0;
      const untouched = JSON.stringify(sorted(after)) === JSON.stringify(sorted(before));
      expect(complete || untouched).toBe(true);
      if (outcome.code === 0) expect(complete).toBe(true);
      await stack.compose(["up", "--detach", "--wait", "dbt"]);
      await stack.succeed(["run", "--no-export"]);
      await expectAllLoadedOnce();
    });
  }

  const sorted = (rows: Record<string, unknown>[]) =>
    rows
      .map((row) => JSON.stringify(row, (_key, value) => (typeof value === "bigint" ? `${value}` : value)))
      .sort();

  async function killDbtDuring(words: string[], afterMs: number): Promise<Outcome> {
    const outcome = stack.reelhouse(words);
    while ((await lockHolders()) === 0) await pause(50);
    await pause(afterMs);
    await stack.compose(["kill", "--signal", "KILL", "dbt"]);
    return outcome;
  }
});

describe("a dead holder", () => {
  it("should not block the next run", async () => {
    const before = kills;
    await killDuring(["run", "--force", "--no-export"], 1000);
    expect(kills).toBeGreaterThan(before);
    const next = await stack.reelhouse(["ingest"]);
    expect(next.code, next.stderr).toBe(0);
  });
});
