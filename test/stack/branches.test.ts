/**
 * Branches and the lakehouse as of then, as people meet them: a copy that costs nothing, in which nothing reaches what
 * is published before its tests passed and it is published as a whole.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { csvFile, deliver } from "./deliveries.ts";
import { documented } from "./documented.ts";
import { waitForBuild } from "./publications/building.ts";
import { inStore, objectList } from "./publications/objects.ts";
import { published, type Readings, readings } from "./publications/readings.ts";
import { type Row, restart, type Stack, startStack } from "./stack.ts";

let stack: Stack;
/** What readers saw of each publication. */
const seen = new Map<number, Readings>();

beforeAll(async () => {
  stack = await startStack("branches", { hasSmallModels: true, keepsCli: true });
  await stack.succeed(["run", "--no-export"]);
  seen.set(1, await readings(stack));
});
afterAll(() => stack?.stop());

const json = async (words: string[]) => JSON.parse((await stack.succeed([...words, "--json"])).stdout);
const listed = (): Promise<Row[]> => json(documented("branch list"));
/** What a page does on its branch, on another one. */
const onOther = { trial: "other", "gold.movies_unified": "gold.movies" };
const onBranch = (name: string) => readings(stack, "", { user: "developer", catalog: `br_${name}` });
const change = (name: string, sql: string) => stack.query(sql, "developer", `br_${name}`);
const pointers = (catalog: string) =>
  stack.catalogQuery(`select table_namespace, table_name, metadata_location from iceberg.iceberg_tables
    where catalog_name = '${catalog}' order by 1, 2`);

async function expectRefused(words: string[], says: string, exit = 1): Promise<void> {
  const { code, stderr } = await stack.reelhouse(words);
  expect(code, stderr).toBe(exit);
  expect(stderr).toContain(says);
}

describe("a branch", () => {
  it("should be made without a copy of anything", async () => {
    const before = await objectList(stack, "warehouse");
    expect(before.length).toBeGreaterThan(20);
    expect(await json(["branch", "create", "other"])).toEqual({
      name: "other",
      catalog: "br_other",
      forkedFrom: 1,
    });
    await stack.succeed(documented("branch create trial"));
    expect(await objectList(stack, "warehouse")).toEqual(before);
    expect(await pointers("br_trial")).toBe(await pointers("lakehouse"));
    expect(await onBranch("trial")).toEqual(seen.get(1));
    const rows = await change("trial", "SELECT count(*) AS rows FROM bronze.critic_agg");
    expect(rows).toEqual([{ rows: 3 }]);
  });

  it("should be made in less than two seconds", async () => {
    // Without the start of its container; the first one of a server that has just started takes longer.
    const seconds = await stack.catalogQuery(
      `select min(extract(epoch from finished_at - started_at)) from ledger.run
       where command = 'branch create' and exit_code = 0`,
    );
    console.info(`branch create took ${seconds} s`);
    expect(Number(seconds)).toBeLessThan(2);
  });

  it.each([
    [["branch", "create", "Trial"], "expected the name of a branch, found 'Trial'", 2],
    [["branch", "create"], "expected the name of a branch, found ''", 2],
    [["branch", "create", "trial"], "there is a branch trial already", 1],
    [["branch", "create", "late", "--at", "7"], "there is no publication 7", 2],
    [["branch", "drop", "nothing"], "there is no branch nothing", 1],
    [["branch", "publish", "nothing"], "there is no branch nothing", 1],
    [["branch", "diff", "nothing"], "there is no branch nothing", 1],
    [["build", "--branch", "nothing"], "there is no branch nothing", 1],
    [["branch", "rename", "trial"], "expected create, list, diff, publish, drop, found 'rename'", 2],
  ])("should be named as it is: %s", (words, says, exit) => expectRefused(words, says, exit));

  it("should keep to itself what is changed on it", async () => {
    const lakehouse = await pointers("lakehouse");
    await stack.succeed(
      documented(
        `sql --user developer --catalog br_trial " DELETE FROM gold.movies_unified WHERE release_year < 1950"`,
        { ...onOther, "release_year < 1950": "movie_title = 'Parasite'" },
      ),
    );
    await change("other", "INSERT INTO gold.kpis_by_year SELECT * FROM gold.kpis_by_year");
    await change("other", "CREATE OR REPLACE TABLE silver.box_office_domestic AS SELECT 1 AS nothing");
    await change("other", "CREATE TABLE gold.notes AS SELECT 'mine' AS note");
    await change("other", "ALTER TABLE silver.critics EXECUTE optimize");
    await expect(change("other", "DELETE FROM bronze.critic_agg")).rejects.toThrow("Cannot delete");
    // Not even admin: the store and PostgreSQL let the catalogs of branches write no bronze.
    const admin = stack.query(
      "DELETE FROM bronze.critic_agg WHERE movie_title = 'Parasite'",
      "admin",
      "br_other",
    );
    await expect(admin).rejects.toThrow("Error committing write");
    expect(await pointers("lakehouse")).toBe(lakehouse);
    expect(await readings(stack)).toEqual(seen.get(1));
    expect(await onBranch("trial")).toEqual(seen.get(1));
  });

  it("should tell what changed on it", async () => {
    const { tables } = await json(["branch", "diff", "other"]);
    const changes = Object.fromEntries(tables.map(({ name, change: what }: Row) => [name, what]));
    expect(changes).toMatchObject({
      "gold.movies": "changed",
      "gold.kpis_by_year": "changed",
      "silver.box_office_domestic": "changed",
      "gold.notes": "added",
      "silver.critics": "unchanged",
    });
    expect(tables.find(({ name }: Row) => name === "gold.movies")).toMatchObject({
      rowsBefore: 3,
      rowsAfter: 2,
    });
    expect(tables.find(({ name }: Row) => name === "silver.box_office_domestic").columnsAdded).toEqual([
      { name: "nothing", type: "int" },
    ]);
    expect(await json(documented("branch diff trial gold.movies_unified --limit 5", onOther))).toMatchObject({
      branch: "other",
      came: { count: 0 },
      went: { count: 1, rows: [{ movie_title: "Parasite" }] },
    });
    expect((await stack.succeed(documented("branch diff trial", onOther))).stdout).toContain(
      "changed: 3 -> 2 rows",
    );
    expect(await listed()).toMatchObject([
      {
        name: "other",
        forkedFrom: 1,
        changed: ["gold.kpis_by_year", "gold.movies", "gold.notes", "silver.box_office_domestic"],
        tested: "no",
        refusal: "untested",
      },
      { name: "trial", changed: [], tested: "no", refusal: "untested" },
    ]);
    expect((await stack.succeed(["branch", "list"])).stdout).toMatch(/trial +\| \d+ min +\| 1 +\| nothing/);
  });

  it("should refuse whatever would delete files that others read", async () => {
    const before = await objectList(stack, "warehouse");
    const drops = [
      "DROP TABLE gold.kpis_by_year",
      "DROP TABLE silver.box_office_domestic",
      "DROP SCHEMA gold CASCADE",
      "CALL system.unregister_table('gold', 'kpis_by_year')",
    ];
    for (const user of ["developer", "dbt", "admin"] as const) {
      for (const sql of drops) {
        await expect(stack.query(sql, user, "br_other"), `${user}: ${sql}`).rejects.toThrow(
          /Failed to execute: DELETE FROM iceberg_tables|Access Denied|Failed to drop table/,
        );
      }
      for (const procedure of ["expire_snapshots", "remove_orphan_files"]) {
        const upkeep = `ALTER TABLE gold.kpis_by_year EXECUTE ${procedure}(retention_threshold => '30d')`;
        await expect(stack.query(upkeep, user, "br_other")).rejects.toThrow(
          "shorter than the minimum retention",
        );
        const unset = `SET SESSION br_other.${procedure}_min_retention = '0s'`;
        await expect(stack.query(unset, user, "br_other")).rejects.toThrow(
          "Cannot set catalog session property",
        );
      }
    }
    await change("other", "ALTER TABLE gold.kpis_by_year RENAME TO gold.renamed");
    await expect(change("other", "DROP TABLE gold.renamed")).rejects.toThrow("DELETE FROM iceberg_tables");
    await change("other", "CREATE TABLE gold.own AS SELECT 1 AS film");
    await change("other", "DROP TABLE gold.own");
    const after = new Set(await objectList(stack, "warehouse"));
    expect(before.filter((object) => !after.has(object) && !object.includes("/notes-"))).toEqual([]);
    expect(await readings(stack)).toEqual(seen.get(1));
  });
});

describe("a changed model", () => {
  const average = "round(avg(critic_score_percentage), 4)";
  beforeAll(async () => {
    const path = "dbt_project/models/gold/kpis_by_year.sql";
    const model = readFileSync(join(stack.folder, path), "utf8");
    const changed = model.replace(average, `${average} + 1`);
    expect(changed).not.toBe(model);
    stack.write(path, changed);
    await restart(stack, "dbt");
  });

  it("should be refused by publish before it is built and tested", async () => {
    await expectRefused(
      ["branch", "publish", "trial"],
      "publish refused: branch trial has no build whose tests passed",
    );
  });

  it("should be built and tested on the branch alone", async () => {
    const lakehouse = await pointers("lakehouse");
    const { tests } = await json(documented("build --branch trial"));
    expect(tests.passed).toBe(3);
    expect(await pointers("lakehouse")).toBe(lakehouse);
    const { kpis, ...rest } = splitKpis(await onBranch("trial"));
    const { kpis: kpisBefore, ...restBefore } = splitKpis(seen.get(1) ?? {});
    expect(rest).toEqual(restBefore);
    expect(kpis).not.toBe(kpisBefore);
    expect(await json(["branch", "diff", "trial", "gold.kpis_by_year"])).toMatchObject({
      came: { count: 3 },
      went: { count: 3 },
    });
    expect(await listed()).toMatchObject([
      { name: "other" },
      { name: "trial", tested: "yes", refusal: null },
    ]);
  });

  const splitKpis = ({ "gold.kpis_by_year": kpis, ...others }: Readings) => ({ kpis, others });

  it("should be refused by publish when a table changed since the tests", async () => {
    const tested = await stack.catalogQuery(
      "select metadata_location from iceberg.iceberg_tables where catalog_name = 'br_trial' and table_name = 'movies'",
    );
    await change("trial", "DELETE FROM gold.movies");
    await expectRefused(
      ["branch", "publish", "trial"],
      "gold.movies changed on branch trial since its tests: it cannot be published",
    );
    expect((await listed())[1]).toMatchObject({ tested: "changed since", refusal: "untested" });
    await stack.catalogQuery(`update iceberg.iceberg_tables set metadata_location = '${tested}'
      where catalog_name = 'br_trial' and table_name = 'movies'`);
  });

  it("should be published as it was tested, and not be built again", async () => {
    expect(await json(documented("branch publish trial"))).toEqual({ branch: "trial", publication: 2 });
    seen.set(2, await readings(stack));
    expect(seen.get(2)).toEqual(await onBranch("trial"));
    expect(seen.get(2)).not.toEqual(seen.get(1));
    const [publication] = await json(["history"]);
    expect(publication).toMatchObject({ id: 2, kind: "build", branch: "trial", batches: 5 });
    const { stderr } = await stack.succeed(documented("build"));
    expect(stderr).toContain("nothing new since publication 2");
  });

  it("should be published from no branch that was forked before: re-fork", async () => {
    await expectRefused(
      ["branch", "publish", "other"],
      "branch other was forked from publication 1, and 2 (build) is what is published: re-fork",
    );
    expect(await onBranch("other")).not.toEqual(seen.get(2));
    expect((await listed())[0]).toMatchObject({ name: "other", refusal: "re-fork" });
    // The transaction itself holds, too: nothing but the pointers says that production has moved.
    await stack.catalogQuery("update branch.branch set forked_from = 2 where name = 'trial'");
    await expectRefused(["branch", "publish", "trial"], "moved in lakehouse since the fork");
  });
});

describe("branches and what goes wrong", () => {
  it("should be there after a restart of Trino", async () => {
    const before = await onBranch("other");
    await restart(stack, "trino");
    expect(await onBranch("other")).toEqual(before);
  });

  it("should be what PostgreSQL says after the next command, where Trino has one too few or too many", async () => {
    const before = await onBranch("other");
    await stack.query("DROP CATALOG br_other", "admin", "system");
    await stack.query("CREATE CATALOG br_stray USING memory", "admin", "system");
    await stack.succeed(documented("branch create before_may --at 12", { before_may: "early", 12: "1" }));
    expect(await onBranch("other")).toEqual(before);
    const catalogs = await stack.query("SHOW CATALOGS LIKE 'br_%'", "admin", "system");
    expect(catalogs.map(({ Catalog }) => Catalog).sort()).toEqual(["br_early", "br_other", "br_trial"]);
  });

  it("should begin with an earlier publication where it is asked to, and share its files as safely", async () => {
    expect(await onBranch("early")).toEqual(seen.get(1));
    await expect(change("early", "DROP TABLE gold.kpis_by_year")).rejects.toThrow(
      "DELETE FROM iceberg_tables",
    );
    await change("early", "INSERT INTO gold.kpis_by_year SELECT * FROM gold.kpis_by_year");
    const [changed] = await listed();
    expect(changed).toMatchObject({ name: "early", forkedFrom: 1, changed: ["gold.kpis_by_year"] });
    expect(await readings(stack)).toEqual(seen.get(2));
  });

  it("should be gone when it is dropped: catalog and pointers", async () => {
    for (const name of ["early", "trial"])
      await stack.succeed(documented("branch drop trial", { trial: name }));
    expect((await listed()).map(({ name }) => name)).toEqual(["other"]);
    expect(await pointers("br_trial")).toBe("");
    await expect(onBranch("trial")).rejects.toThrow("'br_trial'");
    expect(await readings(stack)).toEqual(seen.get(2));
  });
});

describe("the lakehouse as of then", () => {
  /** What all tables show in the catalog that `--as-of` reads. */
  async function asOf(when: string): Promise<Readings> {
    const { stdout } = await stack.succeed([
      ...["sql", "--as-of", when, "--format", "json"],
      "SELECT current_catalog AS catalog",
    ]);
    const [{ catalog }] = JSON.parse(stdout);
    return readings(stack, "", { user: "bi", catalog });
  }
  const now = () =>
    stack.catalogQuery(
      `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
    );

  it("should be what was published before, during and after a build", async () => {
    deliver(stack, { critic_agg: csvFile("critic_agg", ["Parasite,2019,1,1,1", "Another,2001,1,1,1"]) });
    const before = await now();
    const running = stack.succeed(["run", "--no-export"]);
    await waitForBuild(stack);
    const during = await now();
    await running;
    const after = await now();
    seen.set(3, await readings(stack));
    expect(seen.get(3)).not.toEqual(seen.get(2));
    expect(await asOf(before)).toEqual(seen.get(2));
    expect(await asOf(during)).toEqual(seen.get(2));
    expect(await asOf(after)).toEqual(seen.get(3));
    expect(await asOf("pub_1")).toEqual(seen.get(1));
    expect(await asOf(await timeOf(2))).toEqual(seen.get(2));
  });

  it("should be asked for as the page says", async () => {
    const own = { "gold.movies_unified": "gold.movies" };
    const read = async (words: string[]) => (await stack.succeed(words)).stdout;
    const rows = await read(documented('sql --as-of 3 "SELECT * FROM gold.movies_unified"', own));
    expect(rows).toContain("Another");
    const csv = await read(documented('sql --as-of pub_3 --format csv "SELECT * FROM gold.kpis_by_year"'));
    expect(csv).toMatch(/^release_year,/);
    const ofFirst = documented(
      'sql --as-of 2026-11-27T09:30:00Z "SELECT count(*) FROM gold.movies_unified"',
      { ...own, "2026-11-27T09:30:00Z": await timeOf(1) },
    );
    expect(await read(ofFirst)).toMatch(/\b3\b/);
    const ofSecond = documented(
      'sql --as-of "2026-11-27 10:30+01:00" --user admin "SELECT count(*) FROM bronze.critic_agg"',
      { "2026-11-27 10:30+01:00": `${await timeOf(2)}Z` },
    );
    expect(await read(ofSecond)).toMatch(/\b3\b/);
  });

  const timeOf = (id: number) =>
    stack.catalogQuery(
      `select to_char(published_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS') from branch.publication where id = ${id}`,
    );

  it("should know nothing of later publications, and bronze as it was", async () => {
    const tags = await stack.query(
      `SELECT name FROM gold."movies$refs" WHERE type = 'TAG' ORDER BY name`,
      "bi",
      "at_2",
    );
    expect(tags).toEqual([{ name: "pub_1" }, { name: "pub_2" }]);
    const later = await readings(stack, `FOR TIMESTAMP AS OF ${await published(stack, 3)}`, {
      user: "bi",
      catalog: "at_2",
    });
    expect(later).toEqual(seen.get(2));
    const rows = async (catalog: string) =>
      (await stack.query("SELECT count(*) AS rows FROM bronze.critic_agg", "admin", catalog))[0]?.rows;
    expect(await rows("at_2")).toBe(3);
    expect(await rows("lakehouse")).toBe(5);
  });

  it("should be there when the history in between is long gone, derived from the newest metadata", async () => {
    const catalog = "at_1";
    const before = await readings(stack, "", { user: "bi", catalog });
    await stack.query(`DROP CATALOG ${catalog}`, "admin", "system");
    await stack.catalogQuery("select branch.drop_as_of(1)");
    // No metadata file but the newest of each table is there.
    const removed = await removeOldMetadata();
    // Of two publications of four tables.
    expect(removed).toBe(8);
    expect(await asOf("1")).toEqual(before);
  });

  /** Deletes what publications 1 and 2 made current. */
  async function removeOldMetadata(): Promise<number> {
    const locations = (
      await stack.catalogQuery(
        `select new_metadata_location from branch.publication_table where publication_id < 3
         except select metadata_location from iceberg.iceberg_tables where catalog_name = 'lakehouse'`,
      )
    ).split("\n");
    await deleteObjects(locations);
    return locations.length;
  }

  async function deleteObjects(locations: string[]): Promise<void> {
    const places = locations.map((location) => location.replace("s3://", "store/")).join("\n");
    await inStore(stack, "mc rm --quiet --force --stdin", `${places}\n`);
  }

  it.each([
    [["--as-of", "2001-01-01"], "nothing was published at 2001-01-01T00:00:00.000Z: the first was at 2"],
    [["--as-of", "2999-01-01T00:00:00+02:00"], "is in the future"],
    [["--as-of", "yesterday"], "expected a publication or a time"],
    [["--as-of", "7"], "there is no publication 7"],
    [["--as-of", "1", "--catalog", "audit"], "give it or --catalog, not both"],
  ])("should be asked for by what there was: %s", (options, says) =>
    expectRefused(["sql", ...options, "SELECT 1"], says, 2),
  );
});
