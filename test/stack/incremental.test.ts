/** Builds of what changed: after each of a seeded sequence of changes, all tables are what a whole build makes of it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { crowdedFiles, numbersFrom } from "../fixtures/crowded.ts";
import { csvFile, deliver, type SampleFiles } from "./deliveries.ts";
import { documented } from "./documented.ts";
import { allVersions } from "./maintenance/objects.ts";
import { type Stack, startStack } from "./stack.ts";

const next = numbersFrom(20_251);
const tables = [
  ...["provider_rows", "critic_agg", "audience_pulse", "box_office_metrics", "film_xref"].map(inSilver),
  ...["invalid_values", "rejected_rows"].map(inSilver),
  ...["gold.movies_unified", "gold.kpis_by_year", "gold.data_quality"],
];

let stack: Stack;
beforeAll(async () => {
  stack = await startStack("incremental", { keepsCli: true, overlay: "test/stack/probe-model.yml" });
  deliver(stack, crowdedFiles(next, { rows: 20, others: 120 }));
  await publish("run", "--no-export");
});
afterAll(() => stack?.stop());

function inSilver(name: string): string {
  return `silver.${name}`;
}

/** Runs a command that publishes; returns the number of its publication. */
async function publish(...words: string[]): Promise<number> {
  await stack.succeed(words);
  return Number(await stack.catalogQuery("select max(id) from branch.publication"));
}

/** What a build looked at: `whole` or `changed`. */
const scopeOf = (publication: number) =>
  stack.catalogQuery(
    `select string_agg(key, ' ') from branch.publication, jsonb_object_keys(details -> 'scope') as key
     where id = ${publication}`,
  );

/** The rows that one of two publications has and the other does not, by table; each row as often as it is there. */
async function differences(one: number, other: number): Promise<unknown[]> {
  const only = (table: string, a: number, b: number) =>
    `SELECT '${table} of ${a}' AS place, count(*) AS found FROM (
       SELECT * FROM ${table} FOR VERSION AS OF 'pub_${a}' EXCEPT ALL
       SELECT * FROM ${table} FOR VERSION AS OF 'pub_${b}')`;
  const parts = tables.flatMap((table) => [only(table, one, other), only(table, other, one)]);
  const rows = await stack.query(parts.join(" UNION ALL "));
  return rows.filter(({ found }) => found !== 0);
}

/** Builds what changed, then everything, compares, and goes on from the first. */
async function expectAsWhole(words: string[], refresh = documented("build --full-refresh")): Promise<number> {
  const incremental = await publish(...words);
  expect(await scopeOf(incremental)).toBe("changed");
  const whole = await publish(...refresh);
  expect(await scopeOf(whole)).toBe("whole");
  expect(await differences(incremental, whole)).toEqual([]);
  return publish("rollback", String(incremental));
}

/** The id of the newest loaded batch of a source that is in `state`. */
const newestBatch = (source: string, state: string) =>
  stack.catalogQuery(
    `select batch_id from ledger.batch where source = '${source}' and state = '${state}' order by load_order desc limit 1`,
  );

const filesOf = ({ rows }: { rows: number }): SampleFiles => crowdedFiles(next, { rows });

describe("a build of what changed", () => {
  let afterFirst: number;
  let delivered: SampleFiles;

  it("should equal a whole one after deliveries of all sources", async () => {
    delivered = filesOf({ rows: 8 });
    deliver(stack, delivered);
    afterFirst = await expectAsWhole(
      ["run", "--no-export"],
      [...documented("run --full-refresh"), "--no-export"],
    );
  });

  it("should equal a whole one when batches leave while others come", async () => {
    for (const source of ["critic_agg", "box_office_domestic"])
      await stack.succeed(["batch", "exclude", await newestBatch(source, "committed"), "--source", source]);
    const { audience_pulse = "", box_office_financials = "" } = filesOf({ rows: 12 });
    // The same bytes as the excluded ones of another source, whose batch has the same id.
    const box_office_international = delivered.box_office_domestic ?? "";
    deliver(stack, { audience_pulse, box_office_financials, box_office_international });
    await expectAsWhole(["run", "--no-export"]);
    const [account] = await stack.query(
      "SELECT sum(value) AS excluded FROM gold.data_quality WHERE source = 'critic_agg' AND metric = 'excluded'",
    );
    expect(account).toEqual({ excluded: 8 });
    expect(await newestBatch("box_office_domestic", "excluded")).toBe(
      await newestBatch("box_office_international", "committed"),
    );
  });

  it("should start from what a rollback returned to, with a batch that is back and a delivery that was restated", async () => {
    await publish("rollback", String(afterFirst));
    await stack.succeed([
      ...["batch", "include", await newestBatch("critic_agg", "excluded"), "--source", "critic_agg"],
    ]);
    await stack.succeed(["ingest", "--again", "data/sample/audience_pulse.json"]);
    deliver(stack, { critic_agg: filesOf({ rows: 10 }).critic_agg ?? "" });
    await expectAsWhole(["run", "--no-export"]);
  });

  it("should keep no file of a batch that it left out, when that is erased", async () => {
    deliver(stack, { critic_agg: csvFile("critic_agg", ["Forgotten,1999,1,1,1"]) });
    expect(await scopeOf(await publish("run", "--no-export"))).toBe("changed");
    const where = "movie_title = 'Forgotten'";
    const sources = documented(
      `sql "SELECT DISTINCT source, source_title FROM silver.film_xref WHERE movie_title = 'Parasite'"`,
      { Parasite: "Forgotten" },
    );
    expect((await stack.succeed(sources)).stdout).toContain("critic_agg");
    const [row] = await stack.query(`SELECT "$path" AS file FROM silver.provider_rows WHERE ${where}`);
    const file = String(row?.file).replace("s3://", "");
    await stack.succeed([
      ...["batch", "exclude", await newestBatch("critic_agg", "committed"), "--source", "critic_agg"],
    ]);
    expect(await scopeOf(await publish("run", "--no-export"))).toBe("changed");
    expect(await allVersions(stack), "its rows are marked as deleted").toContain(file);
    await publish("erase", "critic_agg", "--where", where, "--yes");
    expect(await allVersions(stack)).not.toContain(file);
  });

  it("should count the rows that a table has, not those that were deleted from it", async () => {
    const counted = await stack.query(
      [...tables, "gold.probe"]
        .map((table) => `SELECT '${table}' AS name, count(*) AS found FROM ${table}`)
        .join(" UNION ALL "),
    );
    const noted = await stack.catalogQuery(
      `select table_namespace || '.' || table_name || ' ' || row_count from branch.publication_table
       where publication_id = (select max(id) from branch.publication)`,
    );
    expect(counted.map(({ name, found }) => `${name} ${found}`).sort()).toEqual(noted.split("\n").sort());
  });

  it("should be made up for by a whole one when its tests fail", async () => {
    deliver(stack, { critic_agg: csvFile("critic_agg", ["Only As A Whole,1999,1,1,1"]) });
    const { stderr } = await stack.succeed(["run", "--no-export"]);
    expect(stderr).toMatch(/test probe_is_whole: .*[\s\S]*everything is built/);
    expect(await scopeOf(Number(await stack.catalogQuery("select max(id) from branch.publication")))).toBe(
      "whole",
    );
  });
});
