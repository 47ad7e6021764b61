/**
 * Publications as a user meets them: what is published when, undone and done again, without a bad delivery; then the
 * publish functions in loops on small tables of the test's own: killed, raced, and read all the time.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dieAt, expectRefusals, killed } from "./cli.ts";
import { rowsOf } from "./dangers/dangers.ts";
import { csvFile, deliver, sampleDeliveries } from "./deliveries.ts";
import { documented } from "./documented.ts";
import { waitForBuild } from "./publications/building.ts";
import { type Driver, openDriver } from "./publications/drive.ts";
import { objectAt } from "./publications/objects.ts";
import { pauses } from "./publications/pauses.ts";
import { published, type Readings, readings, readingsAsOf, tableNames } from "./publications/readings.ts";
import { goldOf, smallGold } from "./small-gold.ts";
import { type Row, type Stack, startAgain, startStack } from "./stack.ts";

let stack: Stack;
/** What readers saw right after each publication, by its number. */
const seen = new Map<number, Readings>();
const sample = sampleDeliveries();
const boxOffice = sample.box_office_domestic.map(({ text }) => text);
/** What counts of the critics, oldest first. */
let critics = sample.critic_agg.map(({ text }) => text);
const badDelivery = csvFile("critic_agg", ["Parasite,2019,1,1,1", "Bad,2001,1,1,1", "broken"]);

beforeAll(async () => {
  stack = await startStack("publications", { hasSmallModels: true, keepsCli: true });
});
afterAll(() => stack?.stop());

const history = async () => JSON.parse((await stack.succeed(documented("history --json"))).stdout) as Row[];
const json = async (words: string[]) => JSON.parse((await stack.succeed([...words, "--json"])).stdout);
const justBefore = (time: string) => `${time} - INTERVAL '0.001' SECOND`;
/** How long the newest rollback worked, without the start of its container. */
const rollbackSeconds = async () =>
  Number(
    await stack.catalogQuery(
      `select extract(epoch from finished_at - started_at) from ledger.run
       where command = 'rollback' order by started_at desc limit 1`,
    ),
  );
const newestPublication = () => stack.catalogQuery("select max(id) from branch.publication");

/** Keeps what is read now as that of the newest publication. */
async function remember(): Promise<number> {
  const id = Number(await newestPublication());
  seen.set(id, await readings(stack));
  return id;
}

async function expectGold(): Promise<void> {
  expect(await goldOf(stack)).toEqual(smallGold(critics, boxOffice));
}

describe("time travel", () => {
  it("should give what was published before, during and after a build", async () => {
    await stack.succeed([...documented("run"), "--no-export"]);
    const first = await remember();
    await expectGold();
    critics.push(badDelivery);
    deliver(stack, { critic_agg: badDelivery });
    const times = [await now()];
    const running = stack.succeed(["run", "--no-export"]);
    const isBuilding = waitForBuild(stack).then(async () => {
      times.push(await now());
      expect(await readings(stack)).toEqual(seen.get(first));
      times.push(await now());
    });
    await Promise.all([running, isBuilding]);
    const second = await remember();
    await expectGold();
    expect(seen.get(second)).not.toEqual(seen.get(first));
    const at = await published(stack, second);
    times.push(justBefore(at));
    const asOf = [...times, at, await now()].map((time) => `FOR TIMESTAMP AS OF ${time}`);
    const expected = [...times.map(() => seen.get(first)), seen.get(second), seen.get(second)];
    expect(await readingsAsOf(stack, asOf)).toEqual(expected);
  });

  /** As a literal of Trino's. */
  const now = async () =>
    `TIMESTAMP '${await stack.catalogQuery("select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS')")} UTC'`;
});

describe("a publication", () => {
  it("should be in the journal with all that a rollback needs, versions, tests and row counts", async () => {
    const tables = (await tableNames(stack)).length;
    expect(await history()).toMatchObject([
      { id: 2, kind: "build", batches: 6, batches_added: 1, tables, tables_changed: tables, restores: null },
      { id: 1, kind: "build", batches: 5, batches_added: 5, tables, tables_changed: tables },
    ]);
    expect((await stack.succeed(documented("history"))).stdout).toMatch(/2 .*build/);
    const [versions] = JSON.parse(
      await stack.catalogQuery("select json_agg(details -> 'versions') from branch.publication where id = 2"),
    );
    expect(versions).toMatchObject({
      reelhouse: expect.stringMatching(/^\d/),
      trino: "476",
      "dbt-core": expect.stringMatching(/^1\./),
      "dbt-trino": expect.stringMatching(/^1\./),
    });
    const incomplete = await stack.catalogQuery(
      `select count(*) from branch.publication_table
       where num_nulls(old_metadata_location, new_metadata_location, row_count, table_uuid, snapshot_id, schema_id,
           partition_spec_id, sort_order_id, properties, columns, tests) > 0 and publication_id = 2
           or (tests ->> 'passed')::int = 0 and table_name = 'movies'`,
    );
    expect(incomplete).toBe("0");
  });

  it("should be the newest tag of each table, and answer for it", async () => {
    for (const table of await tableNames(stack)) {
      const [schema, name] = table.split(".");
      const tags = await stack.query(
        `SELECT name FROM ${schema}."${name}$refs" WHERE type = 'TAG' ORDER BY cast(substr(name, 5) AS integer) DESC`,
      );
      expect(tags, table).toEqual([{ name: "pub_2" }, { name: "pub_1" }]);
    }
    await expectEachAsItWas();
  });

  it("should be copied to the object store with all pointers, bronze included", async () => {
    const manifest = JSON.parse(await objectAt(stack, "GET", "warehouse/_publications/2.json"));
    expect(manifest).toMatchObject({ format: 1, publication: { id: 2, kind: "build" } });
    const names = (await tableNames(stack)).length;
    expect(manifest.tables).toHaveLength(names);
    const pointers = await stack.catalogQuery(
      "select count(*), count(*) filter (where table_namespace = 'bronze') from iceberg.iceberg_tables where catalog_name = 'lakehouse'",
    );
    const bronze = manifest.pointers.filter(
      ({ table_namespace }: Record<string, string>) => table_namespace === "bronze",
    );
    expect(`${manifest.pointers.length}|${bronze.length}`).toBe(pointers);
  });

  it("should be told apart by diff: tables, rows and columns", async () => {
    const { tables } = await json(documented("diff 1 2"));
    const movies = tables.find(({ name }: Row) => name === "gold.movies");
    expect(movies).toMatchObject({ change: "changed", rowsBefore: 3, rowsAfter: 4, columnsAdded: [] });
    const own = { "gold.movies_unified": "gold.movies" };
    const limited = documented("diff pub_1 pub_2 gold.movies_unified --limit 1 --json", own);
    const rows = JSON.parse((await stack.succeed(limited)).stdout);
    expect(rows).toMatchObject({
      came: { count: 2, rows: [{ movie_title: "Bad" }] },
      went: { count: 1, rows: [{ movie_title: "Parasite", critic_score_percentage: 99 }] },
    });
    expect((await stack.succeed(documented("diff 1 2"))).stdout).toContain("changed: 3 -> 4 rows");
    const { stdout } = await stack.succeed(documented("diff 1 2 gold.movies_unified", own));
    expect(stdout).toMatch(/^2 rows came\n.*1 row went\n/s);
  });

  it("should be named as it is", async () => {
    await expectRefusals(stack, [
      [["diff", "1"], 2, "expected two publications"],
      [["diff", "1", "99"], 2, "there is no publication 99"],
      [["diff", "1", "2", "gold.nothing"], 2, "gold.nothing is not in both"],
      [["diff", "1", "newest"], 2, "expected the number of a publication"],
      [["rollback", "99"], 2, "there is no publication 99"],
      [["rollback", "1", "2"], 2, "expected one publication"],
    ]);
  });
});

/** Each publication by its tag, on every table. */
async function expectEachAsItWas(): Promise<void> {
  const versions = [...seen.keys()].map((id) => `FOR VERSION AS OF 'pub_${id}'`);
  expect(await readingsAsOf(stack, versions)).toEqual([...seen.values()]);
}

describe("rollback", () => {
  it("should return all tables to the publication before, in seconds, and name the batch that it takes out", async () => {
    const { stdout, stderr } = await stack.succeed([...documented("rollback"), "--json"]);
    expect(await rollbackSeconds()).toBeLessThan(10);
    expect(JSON.parse(stdout)).toMatchObject({
      publication: 3,
      restores: 1,
      returning: [{ source: "critic_agg", state: "committed" }],
      excluded: [],
    });
    expect(stderr).toMatch(
      /the next run brings it back: critic_agg: .*critic_agg.csv.*reelhouse batch exclude [0-9a-f]{12}/,
    );
    await remember();
    expect(seen.get(3)).toEqual(seen.get(1));
    expect((await history())[0]).toMatchObject({ id: 3, kind: "rollback", restores: "1", batches: 5 });
  });

  it("should be undone by another one", async () => {
    expect(await json(["rollback"])).toMatchObject({ publication: 4, restores: 2, returning: [] });
    await remember();
    expect(seen.get(4)).toEqual(seen.get(2));
  });

  it("should make no older metadata file current again, and leave all history", async () => {
    const again = await stack.catalogQuery(
      `select count(*) from (
           select new_metadata_location from branch.publication_table group by 1 having count(*) > 1) as twice`,
    );
    expect(again).toBe("0");
    await expectEachAsItWas();
    const [first, ...later] = await Promise.all([...seen.keys()].map((id) => published(stack, id)));
    const atEach = [first, ...later].map((at) => `FOR TIMESTAMP AS OF ${at}`);
    const beforeEach = later.map((at) => `FOR TIMESTAMP AS OF ${justBefore(at)}`);
    const then = [...seen.values()];
    expect(await readingsAsOf(stack, [...atEach, ...beforeEach])).toEqual([...then, ...then.slice(0, -1)]);
  });

  it("should have its copy on the object store though it was killed before it wrote it", async () => {
    const death = { moment: "before", at: "PUT /warehouse/_publications" } as const;
    const { code, stderr } = await dieAt(stack, death, ["rollback"]);
    expect(code, stderr).toBe(killed);
    expect(await remember()).toBe(5);
    expect(await objectAt(stack, "GET", "warehouse/_publications/5.json")).toContain("NoSuchKey");
    await stack.succeed(["rollback", "4"]);
    expect(await remember()).toBe(6);
    expect(JSON.parse(await objectAt(stack, "GET", "warehouse/_publications/5.json"))).toMatchObject({
      publication: { id: 5, kind: "rollback", details: { restores: 3 } },
    });
  });

  it("should be refused where it would change nothing", async () => {
    const { code, stderr } = await stack.reelhouse(["rollback", "6"]);
    expect(code).toBe(1);
    expect(stderr).toContain("publication 6 is what is published");
  });
});

describe("an excluded batch", () => {
  const listed = (): Promise<Row[]> => json(documented("batch list"));
  let id = "";

  it("should be excluded by the rollback that takes it out, and stay out of the next build", async () => {
    const undone = await json(documented("rollback 1 --exclude"));
    expect(undone).toMatchObject({ publication: 7, restores: 1, returning: [] });
    id = undone.excluded[0].batchId;
    await remember();
    expect(seen.get(7)).toEqual(seen.get(1));
    critics = critics.slice(0, -1);
    // The bad file still lies there.
    const run = await stack.succeed(["run", "--no-export", "--json"]);
    expect(JSON.parse(run.stdout)).toMatchObject({ loaded: [], publication: null });
    expect(run.stderr).toContain("was loaded before and is excluded, nothing added");
    expect(run.stderr).toContain("nothing new since publication 7");
    await stack.succeed(documented("build --force"));
    expect(await remember()).toBe(8);
    await expectGold();
  });

  it("should stay in bronze, and be named as excluded", async () => {
    const [{ rows } = {}] = await stack.query(
      `SELECT count(*) AS rows FROM bronze.critic_agg WHERE _batch_id = '${id}'`,
      "admin",
    );
    expect(rows).toBe(2);
    const { sources } = await json(["status"]);
    const critics = sources.find(({ source }: Row) => source === "critic_agg");
    expect(critics).toMatchObject({ batches: 1, excluded: [{ batchId: id, rows: 2 }] });
    expect(await listed()).toMatchObject([{ batchId: id, state: "excluded", source: "critic_agg" }]);
  });

  it("should count again when it is included", async () => {
    await stack.succeed(documented("batch include 0123456789ab", { "0123456789ab": id.slice(0, 12) }));
    expect(await listed()).toEqual([]);
    critics.push(badDelivery);
    expect((await json(["run", "--no-export"])).publication).toBe(9);
    await remember();
    await expectGold();
  });

  it("should be settled by the next run when its command dies before the ledger knows", async () => {
    const death = { moment: "before", at: "exclusion_asked_at = null" } as const;
    const { code, stderr } = await dieAt(stack, death, ["batch", "exclude", id]);
    expect(code, stderr).toBe(killed);
    expect(await listed()).toEqual([]);
    await stack.succeed(["ingest"]);
    expect(await listed()).toMatchObject([{ batchId: id, state: "excluded" }]);
    expect((await json(["status"])).stillPublished).toBe(1);
    await stack.succeed(["batch", "include", id]);
  });

  it("should be named by an id that is loaded", async () => {
    await expectRefusals(stack, [
      [["batch", "exclude", "0123456789ab"], 1, "no loaded batch has an id that begins with 0123456789ab"],
      [["batch", "include", "0123456789ab"], 1, "no excluded batch has an id that begins with 0123456789ab"],
      [["batch", "exclude", "xyz"], 2, "hexadecimal digits"],
      [["batch", "exclude"], 2, "expected 'list', 'release ID', 'exclude ID' or 'include ID'"],
    ]);
  });
});

const dbt = (sql: string) => stack.query(sql, "dbt", "audit");

describe("small tables", () => {
  /** The publish functions, on tables of the test's own. */
  let driver: Driver;
  /** Two publications of six tables each, five of them in both: the rows of each table are as many as their value. */
  const publications = { p: 0, q: 0 };
  const values = { p: 3, q: 5 };
  /** Publishers that were killed. */
  let victims = 0;
  const nameOf = (number: number) => `${stack.project}-driver-${number}`;
  const both = [1, 2, 3, 4, 5].map((number) => `gold.small_${number}`);

  beforeAll(async () => {
    driver = await openDriver(stack, nameOf(victims));
  });
  afterAll(() => driver?.end());

  it("should replace all others, by name", async () => {
    await driver.call("fork");
    await dbt("CREATE TABLE gold.small_0 (v integer, n bigint)");
    for (const v of Object.values(values)) await dbt(`CREATE OR REPLACE TABLE gold.small_0 AS ${rowsOf(v)}`);
    await driver.call("learn gold.small_0");
    for (const [index, [edition, only]] of [
      ["p", "gold.small_6"] as const,
      ["q", "gold.small_7"] as const,
    ].entries()) {
      await driver.call("fork");
      for (const name of [...both, only]) await driver.call(`build ${name} ${index + 1}`);
      publications[edition] = Number((await driver.call(`publish ${both.join(" ")} ${only}`)).id);
      expect(await tableNames(stack)).toEqual([...both, only]);
    }
  });

  it("should come back and leave with a rollback, with schema, partitions, order and properties", async () => {
    /** On a new fork, where dbt may ask for it. */
    const described = async () => {
      await driver.call("fork");
      return (await dbt("SHOW CREATE TABLE gold.small_1"))[0]?.["Create Table"];
    };
    const q = await described();
    await driver.call("fork");
    await dbt(`CREATE OR REPLACE TABLE gold.small_1 (n bigint COMMENT 'a number', extra varchar)
      COMMENT 'another one' WITH (partitioning = ARRAY['n'], sorted_by = ARRAY['extra'], format_version = 2)`);
    await dbt("INSERT INTO gold.small_1 VALUES (1, 'a')");
    const { id } = await driver.call(`publish ${both.join(" ")} gold.small_7`);
    const changed = await described();
    expect(changed).toMatch(/COMMENT 'another one'.*partitioning.*sorted_by/s);
    const { tables } = await json(["diff", String(publications.q), String(id)]);
    expect(tables[0]).toMatchObject({
      name: "gold.small_1",
      columnsAdded: [{ name: "extra", type: "string" }],
      columnsRemoved: [{ name: "v", type: "int" }],
    });
    const undone = await json(["rollback", String(publications.p)]);
    expect(undone.tables).toContainEqual({ name: "gold.small_6", change: "came back" });
    expect(undone.tables).toContainEqual({ name: "gold.small_7", change: "removed" });
    expect(await tableNames(stack)).toEqual([...both, "gold.small_6"]);
    expect(await described()).toBe(q);
    expect(await stack.query("SELECT DISTINCT v FROM gold.small_1")).toEqual([{ v: values.p }]);
    await stack.succeed(["rollback", String(id)]);
    expect(await described()).toBe(changed);
    expect(await stack.query("SELECT * FROM gold.small_1")).toEqual([{ n: 1, extra: "a" }]);
    await stack.succeed(["rollback", String(publications.q)]);
    expect(await described()).toBe(q);
  });

  /** Whether the catalog is what the newest publication says, and nothing else. */
  const strays = () =>
    stack.catalogQuery(
      `select count(*) from (
           select * from iceberg.iceberg_tables where catalog_name = 'lakehouse' and table_namespace in ('silver', 'gold')
       ) as production full join (
           select * from branch.publication_table where new_metadata_location is not null
               and publication_id = (select max(id) from branch.publication)
       ) as journal using (table_namespace, table_name)
       where metadata_location is distinct from new_metadata_location`,
    );

  describe("killed in the transaction", () => {
    beforeAll(() => pauses.install(stack));
    afterAll(() => pauses.remove(stack));

    it.each(
      pauses.points.flatMap((point) => [
        { point, victim: "publisher" },
        { point, victim: "catalog" },
      ]),
    )("should be all old or all new, journal agreeing: $victim at $point", async ({ point, victim }) => {
      const before = { id: await newestPublication(), tables: await tableNames(stack) };
      const target = before.tables.includes("gold.small_6") ? publications.q : publications.p;
      await pauses.set(stack, point);
      const dying = driver.call(`rollback ${target}`).catch(String);
      await pauses.reached(stack);
      if (victim === "publisher") await stack.run("docker", ["kill", nameOf(victims)]);
      else await stack.compose(["kill", "catalog"]);
      expect(await dying).toMatch(victim === "publisher" ? /it has ended/ : /connection/i);
      if (victim === "catalog") await startAgain(stack, "catalog");
      else {
        await pauses.left(stack);
        victims += 1;
        driver = await openDriver(stack, nameOf(victims));
      }
      expect(await strays()).toBe("0");
      expect(await newestPublication()).toBe(before.id);
      expect(await tableNames(stack)).toEqual(before.tables);
      await pauses.set(stack, "nowhere");
      await driver.call(`rollback ${target}`);
      expect(await strays()).toBe("0");
    });
  });

  it("should be published by exactly one of two publishers, 200 times", async () => {
    const { firstWon, secondWon, faults, refusals } = await driver.call("race 200");
    expect(faults).toEqual([]);
    expect(Number(firstWon) + Number(secondWon)).toBe(200);
    expect(Math.min(Number(firstWon), Number(secondWon))).toBeGreaterThan(0);
    expect(refusals).toEqual(["publish refused: X moved in lakehouse since the fork"]);
    expect(await strays()).toBe("0");
  });

  it("should be whole for a reader through 100 publications", async () => {
    const { p, q } = publications;
    let isMoving = true;
    const startedMs = Date.now();
    const moving = driver.call(`move ${q} ${p} 100`).finally(() => {
      isMoving = false;
    });
    const seenValues = new Set<unknown>();
    let statements = 0;
    let skewed = 0;
    while (isMoving) {
      const rows = await stack.query(
        both
          .slice(0, 2)
          .map((name) => `SELECT min(v) AS low, max(v) AS high, count(*) AS rows FROM ${name}`)
          .join(" UNION ALL "),
      );
      for (const { low, high, rows: count } of rows) {
        expect(low).toBe(high);
        expect(count).toBe(low);
        seenValues.add(low);
      }
      statements += 1;
      if (rows[0]?.low !== rows[1]?.low) skewed += 1;
    }
    expect((await moving).ids).toHaveLength(100);
    expect(seenValues).toEqual(new Set(Object.values(values)));
    // Each table is looked up by itself: docs/publish-and-undo.md has these figures.
    const seconds = (Date.now() - startedMs) / 1000;
    console.info(`100 publications in ${seconds} s; of ${statements} statements, ${skewed} saw two of them`);
  });

  it("should not hang on old metadata files: the first publications come back after hundreds", async () => {
    await stack.succeed(["rollback", "9"]);
    expect(await rollbackSeconds()).toBeLessThan(10);
    expect(await readings(stack)).toEqual(seen.get(9));
    await expectEachAsItWas();
  });

  it("should refuse a rollback to what was collected, and say so", async () => {
    const [snapshot] = await stack.query(
      `SELECT manifest_list FROM gold."movies$snapshots" AS s JOIN gold."movies$refs" AS r USING (snapshot_id) WHERE r.name = 'pub_8'`,
    );
    const location = String(snapshot?.manifest_list);
    await objectAt(stack, "DELETE", location.replace("s3://", ""));
    const before = await newestPublication();
    const { code, stderr } = await stack.reelhouse(["rollback", "8"]);
    expect(code).toBe(1);
    expect(stderr).toContain(`publication 8 cannot come back: gold.movies: ${location} was collected`);
    expect(await newestPublication()).toBe(before);
  });
});
