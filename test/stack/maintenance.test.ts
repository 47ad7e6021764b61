/**
 * Upkeep as a user meets it: tables in need are rewritten and published, what leaves retention ends, and what nobody
 * reads is removed; what a branch or a kept publication reads stays, where Trino's own upkeep would take it away.
 */
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dieAt, killed } from "./cli.ts";
import { documented } from "./documented.ts";
import { allVersions, pointersOf, tableObjects } from "./maintenance/objects.ts";
import { removeGuards } from "./maintenance/unguarded.ts";
import { type Driver, openDriver } from "./publications/drive.ts";
import { objectAt } from "./publications/objects.ts";
import { published, type Readings, readings } from "./publications/readings.ts";
import { type Row, type Stack, startStack } from "./stack.ts";

let stack: Stack;
/** The publish functions, on tables of the test's own. */
let driver: Driver;
/** What readers saw right after each publication, by its number. */
const seen = new Map<number, Readings>();

beforeAll(async () => {
  stack = await startStack("maintenance", { hasSmallModels: true, keepsCli: true });
  const source = "source: {critic_agg: data/sample/critic_agg.csv}";
  stack.write("wide.yaml", `${source}\nretention: {orphan_hours: 0}\n`);
  stack.write("tight.yaml", `${source}\nretention: {publications: 1, days: 0, orphan_hours: 0}\n`);
  await stack.succeed(["ingest"]);
  driver = await openDriver(stack);
});
afterAll(async () => {
  await driver?.end();
  await stack?.stop();
});

const dbt = (sql: string) => stack.query(sql, "dbt", "audit");
const json = async (words: string[]) => JSON.parse((await stack.succeed([...words, "--json"])).stdout);
const newest = async () => Number(await stack.catalogQuery("select max(id) from branch.publication"));

interface Measured {
  table: string;
  did: string[];
  before: Record<string, number>;
  after: Record<string, number> | null;
}
interface Upkeep {
  publication: number | null;
  leaving: number[];
  tables: Measured[];
  orphans: { objects: string[]; folders: string[] };
}
const maintain = async (config: string, words = documented("maintain --json")): Promise<Upkeep> =>
  JSON.parse((await stack.succeed([...words, "--config", config])).stdout);
/** What would be done. */
const foresee = (config: string) => maintain(config, [...documented("maintain --dry-run"), "--json"]);
const tableNamed = ({ tables }: Upkeep, name: string) => tables.find(({ table }) => table === name);

/** Keeps what is read now as that of the newest publication. */
async function remember(): Promise<number> {
  const id = await newest();
  seen.set(id, await readings(stack));
  return id;
}

/** Each of these by its tag, and by its time. */
async function expectHistory(publications: number[]): Promise<void> {
  for (const id of publications) {
    expect(await readings(stack, `FOR VERSION AS OF 'pub_${id}'`), `pub_${id}`).toEqual(seen.get(id));
    const at = await published(stack, id);
    expect(await readings(stack, `FOR TIMESTAMP AS OF ${at}`), `at pub_${id}`).toEqual(seen.get(id));
  }
}

describe("a table of many small files and deleted rows", () => {
  beforeAll(async () => {
    await dbt("CREATE SCHEMA IF NOT EXISTS gold");
    await dbt("CREATE TABLE gold.small (n bigint, v varchar)");
    for (let n = 1; n <= 9; n += 1) await dbt(`INSERT INTO gold.small VALUES (${n}, 'a'), (-${n}, 'b')`);
    await dbt("CREATE TABLE gold.leaving AS SELECT 1 AS n");
    await dbt("CREATE TABLE gold.staying AS SELECT 1 AS n");
    await driver.call("publish gold.small gold.leaving gold.staying");
    await remember();
    await driver.call("fork");
    await dbt("DELETE FROM gold.small WHERE n = -9");
    await driver.call("publish gold.small gold.staying");
    await remember();
  });

  it("should be told by a dry run, which changes nothing", async () => {
    const state = async () => [await pointersOf(stack), await tableObjects(stack), await newest()];
    const before = await state();
    const foreseen = await foresee("wide.yaml");
    expect(foreseen.publication).toBeNull();
    expect(tableNamed(foreseen, "gold.small")).toMatchObject({
      did: ["compact", "manifests", "analyze"],
      before: { files: 9, deleteFiles: 1 },
      after: null,
    });
    expect(await state()).toEqual(before);
  });

  it("should be rewritten and published, and read as before, now and as of every earlier publication", async () => {
    const done = await maintain("wide.yaml");
    expect(done).toMatchObject({ publication: 3, leaving: [] });
    const small = tableNamed(done, "gold.small");
    expect(small?.after).toMatchObject({ files: 1, deleteFiles: 0 });
    expect(small?.after?.manifests).toBeLessThan(small?.before.manifests ?? 0);
    expect(tableNamed(done, "gold.staying")?.did).toEqual([]);
    await remember();
    expect(seen.get(3)).toEqual(seen.get(2));
    const [{ kind, tables, tables_changed } = {}] = await json(["history"]);
    expect({ kind, tables, tables_changed }).toEqual({ kind: "maintenance", tables: 2, tables_changed: 1 });
    await expectHistory([2, 3]);
    const first = "SELECT count(*) AS rows, sum(n) AS sum FROM gold.small FOR VERSION AS OF 'pub_1'";
    expect(await stack.query(first)).toEqual([{ rows: 18, sum: 0 }]);
    const statistics = await stack.query("SHOW STATS FOR gold.small");
    expect(statistics.find(({ column_name }) => column_name === "v")?.distinct_values_count).toBe(2);
  });

  it("should need nothing the next time", async () => {
    const { publication, orphans } = await maintain("wide.yaml");
    expect({ publication, objects: orphans.objects }).toEqual({ publication: null, objects: [] });
  });

  it("should be rolled back to what people published before, not to what upkeep found", async () => {
    expect(await json(["rollback"])).toMatchObject({ publication: 4, restores: 1 });
    expect(await readings(stack)).toEqual(seen.get(1));
    await remember();
    expect(await json(["rollback", "3"])).toMatchObject({ publication: 5, restores: 3 });
    expect(await readings(stack)).toEqual(seen.get(3));
    await remember();
  });
});

describe("bronze", () => {
  it("should have its list of batches rewritten, and nothing of the deliveries' own objects", async () => {
    const [{ batchId } = {}] = await json(documented("batch list --all"));
    await stack.succeed(documented("batch exclude 0123456789ab", { "0123456789ab": batchId.slice(0, 12) }));
    await stack.succeed(["batch", "include", batchId]);
    const files = () => stack.query(`SELECT file_path FROM bronze."critic_agg$files" ORDER BY 1`, "admin");
    const before = await files();
    const done = await maintain("wide.yaml");
    expect(done.publication).toBe(6);
    expect(tableNamed(done, "bronze.batches")?.after).toMatchObject({ files: 1, deleteFiles: 0 });
    expect(await files()).toEqual(before);
    await remember();
    const again = await json(["ingest"]);
    expect(again).toMatchObject({ loaded: [], refused: [] });
    expect(again.known).toHaveLength(5);
  });
});

describe("maintenance and a backup", () => {
  it("should not be at work at once", async () => {
    const lock = "select pg_advisory_lock(7237), pg_sleep(120)";
    const copying = stack.catalogQuery(lock).catch(() => "ended");
    const holder = "from pg_locks where locktype = 'advisory' and objid = 7237 and granted";
    while ((await stack.catalogQuery(`select count(*) ${holder}`)) === "0") await sleep(100);
    const { code, stderr } = await stack.reelhouse(["maintain", "--config", "wide.yaml"]);
    await stack.catalogQuery(`select pg_terminate_backend(pid) ${holder}`);
    expect(await copying).toBe("ended");
    expect(code, stderr).toBe(6);
    expect(stderr).toContain("another backup or maintenance");
  });
});

describe("retention", () => {
  /** Of a person's branch, forked from publication 1: its rows in the catalog. */
  const branchRows = "iceberg.iceberg_tables where catalog_name = 'br_old'";

  beforeAll(async () => {
    await stack.catalogQuery(
      `insert into branch.branch (name, forked_from, base, batches) values ('old', 1, '{}', '[]');
       insert into iceberg.iceberg_tables
       select 'br_old', table_namespace, table_name, new_metadata_location, null, 'TABLE'
       from branch.publication_table where publication_id = 1`,
    );
    await driver.call("fork");
    await dbt("INSERT INTO gold.staying VALUES 2");
  });

  it("should keep the newest publication, and what open branches were forked from, and end the others", async () => {
    const done = await maintain("tight.yaml");
    expect(done).toMatchObject({ publication: 7, leaving: [2, 3, 4] });
    await remember();
    expect(await readings(stack)).toEqual(seen.get(5));
    for (const id of [5, 6, 7])
      expect(await readings(stack, `FOR VERSION AS OF 'pub_${id}'`)).toEqual(seen.get(id));
    const ended = (await json(["history"])).filter(({ expired_at }: Row) => expired_at !== null);
    expect(ended.map(({ id }: Row) => id)).toEqual([4, 3, 2]);
    const copy = JSON.parse(await objectAt(stack, "GET", "warehouse/_publications/2.json"));
    expect(copy.publication.expired_at).toMatch(/^2\d{3}-/);
    await expect(stack.query("SELECT * FROM gold.small FOR VERSION AS OF 'pub_2'")).rejects.toThrow("pub_2");
    const tags = await stack.query(`SELECT name FROM gold."staying$refs" WHERE type = 'TAG' ORDER BY 1`);
    expect(tags.map(({ name }) => name)).toEqual(["pub_1", "pub_5", "pub_6", "pub_7"]);
  });

  it("should refuse a rollback to what has left, with the reason", async () => {
    const { code, stderr } = await stack.reelhouse(["rollback", "2"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/publication 2 cannot come back: gold\.small: snapshot \d+ was collected/);
    expect(await newest()).toBe(7);
  });

  it("should leave each branch what it reads, changed or not, and refuse one from before upkeep", async () => {
    expect(await dbt("SELECT * FROM gold.staying ORDER BY n")).toEqual([{ n: 1 }, { n: 2 }]);
    expect(await dbt("SELECT count(*) AS rows FROM gold.small")).toEqual([{ rows: 17 }]);
    const publishing = driver.call("publish gold.small gold.staying");
    await expect(publishing).rejects.toThrow("moved in lakehouse since the fork");
    const { code, stderr } = await stack.reelhouse(["branch", "publish", "old"]);
    expect(code, stderr).toBe(1);
    expect(stderr).toContain(
      "branch old was forked from publication 1, and 7 (maintenance) is what is published: re-fork",
    );
    await stack.catalogQuery(`insert into iceberg.iceberg_tables
      select 'audit', table_namespace, 'old_' || table_name, metadata_location, null, 'TABLE' from ${branchRows}`);
    expect(await dbt("SELECT count(*) AS rows FROM gold.old_small")).toEqual([{ rows: 18 }]);
    expect(await dbt("SELECT n FROM gold.old_leaving")).toEqual([{ n: 1 }]);
  });

  it("should remove the folder of a table that nothing names any more", async () => {
    const folder = `${(
      await stack.catalogQuery(
        "select branch.table_directory(new_metadata_location) from branch.publication_table where publication_id = 1 and table_name = 'leaving'",
      )
    ).replace("s3://", "")}`;
    await stack.catalogQuery("select branch.drop_branch('old')");
    await driver.call("fork");
    expect(await tableObjects(stack)).toContainEqual(expect.stringContaining(folder));
    const done = await maintain("tight.yaml");
    expect(done.leaving).toEqual([1]);
    expect(done.orphans.folders).toEqual([folder]);
    expect(await tableObjects(stack)).not.toContainEqual(expect.stringContaining(folder));
    await remember();
  });

  it("should not collect what a statement may just be writing", async () => {
    await driver.call("fork");
    await dbt("CREATE TABLE gold.unnamed AS SELECT 1 AS n");
    await driver.call("fork");
    stack.write("usual.yaml", "source: {critic_agg: data/sample/critic_agg.csv}\n");
    expect((await maintain("usual.yaml")).orphans.objects).toEqual([]);
    expect((await maintain("wide.yaml")).orphans.folders).toEqual([expect.stringContaining("gold/unnamed-")]);
  });
});

describe("upkeep that is killed", () => {
  it.each([
    ["before", "branch.maintain"],
    ["during", "branch.maintain"],
    ["before", "POST /warehouse.*delete"],
  ] as const)("should leave all readable, and be made up for by the next: %s %s", async (moment, at) => {
    // A publication, so that there is something to end.
    await driver.call(`rollback ${(await newest()) - 1}`);
    const before = await readings(stack);
    const { code, stderr } = await dieAt(stack, { moment, at }, ["maintain", "--config", "tight.yaml"]);
    expect(code, stderr).toBe(killed);
    expect(await readings(stack)).toEqual(before);
    await maintain("tight.yaml");
    expect(await readings(stack)).toEqual(before);
    expect((await foresee("tight.yaml")).orphans.objects).toEqual([]);
  });
});

describe("after upkeep", () => {
  it("should build and publish from bronze as ever", async () => {
    await stack.succeed(["land", stack.write("more.csv", moreCritics)]);
    stack.write(
      "landed.yaml",
      "source:\n  critic_agg: {path: [data/sample/critic_agg.csv, 's3://landing/']}\n  audience_pulse: data/sample/audience_pulse.json\n",
    );
    await stack.succeed(["run", "--no-export", "--config", "landed.yaml"]);
    expect(await critics()).toEqual(["Inception", "Jane Roe: A Life", "Parasite", "The Dark Knight"]);
  });
});

const moreCritics =
  "movie_title,release_year,critic_score_percentage,top_critic_score,total_critic_reviews_counted\nJane Roe: A Life,2011,50,5,10\njane roe again\n";
const critics = async () =>
  (await stack.query("SELECT movie_title FROM silver.critics ORDER BY 1")).map(
    ({ movie_title }) => movie_title,
  );

describe("erasure", () => {
  const words = [
    ...["erase", "critic_agg", "--where", "movie_title LIKE 'Jane Roe%'"],
    ...["--text", "Jane Roe", "--landing"],
  ];
  let batch = "";
  let last = 0;

  let cutOff = "";

  beforeAll(async () => {
    // A reading that makes nothing better leaves its objects, and counts no more.
    await stack.succeed(["quarantine", "replay", "critic_agg", "--config", "wide.yaml"]);
    // As if it had been held back at first.
    const replayed = "where state = 'dropped' and replaces is not null";
    expect(await stack.catalogQuery(`update ledger.batch set hold = '["jane roe again"]' ${replayed}`)).toBe(
      "UPDATE 1",
    );
    // A large file that ends too early leaves the parts that were read.
    const films = Array.from(
      { length: 300_000 },
      () => `Jane Roe ${randomBytes(24).toString("hex")},2001,1,1,1`,
    );
    const whole = gzipSync(`${moreCritics.split("\n")[0]}\n${films.join("\n")}\n`, { level: 1 });
    const bytes = whole.subarray(0, whole.length - 1000);
    cutOff = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(stack.folder, "cut-off.csv.gz"), bytes);
    stack.write("cut-off.yaml", "source: {critic_agg: cut-off.csv.gz}\n");
    expect(await stack.reelhouse(["ingest", "--config", "cut-off.yaml"])).toMatchObject({ code: 3 });
    expect((await allVersions(stack)).filter((name) => name.includes(cutOff))).not.toEqual([]);
    stack.write("cut-off.yaml", "source: {critic_agg: data/sample/critic_agg.csv}\n");
    await stack.succeed(["ingest", "--config", "cut-off.yaml"]);
  });

  it("should tell what it would take away, and do nothing without --yes", async () => {
    const { code, stderr } = await stack.reelhouse(words);
    expect(code).toBe(2);
    expect(stderr).toContain("expected either --dry-run or --yes");
    last = await newest();
    const before = [await pointersOf(stack), await tableObjects(stack)];
    const told = await json([
      ...documented(`erase critic_agg --where "movie_title = 'Parasite'" --dry-run`, {
        "movie_title = 'Parasite'": "movie_title LIKE 'Jane Roe%'",
      }),
      ...["--text", "Jane Roe", "--landing"],
    ]);
    batch = told.batches[0].batchId;
    expect(told).toMatchObject({
      batches: [{ source: "critic_agg", rows: 1, rejects: 1 }],
      ends: [last],
      landed: ["s3://landing/more.csv"],
    });
    expect(told.objects).toContain(`s3://bronze/originals/critic_agg/${batch}`);
    expect([await pointersOf(stack), await tableObjects(stack)]).toEqual(before);
  });

  it("should be finished by the next one when it is killed between bronze and the rest", async () => {
    const { code, stderr } = await dieAt(stack, { moment: "before", at: "POST /build" }, [...words, "--yes"]);
    expect(code, stderr).toBe(killed);
    expect(await stack.catalogQuery("select count(*) from ledger.erasure where finished_at is null")).toBe(
      "1",
    );
    const done = await json([...words, "--yes"]);
    expect(done).toMatchObject({
      batches: [{ batchId: batch, rows: 1, rejects: 1 }],
      ended: [last, last + 1],
    });
    expect(await stack.catalogQuery("select count(*) from ledger.erasure where finished_at is null")).toBe(
      "0",
    );
  });

  it("should leave the rows in no table, and all else as it was", async () => {
    expect(await critics()).toEqual(["Inception", "Parasite", "The Dark Knight"]);
    const rows = (sql: string) => stack.query(sql, "admin");
    expect(await rows("SELECT DISTINCT _batch_id FROM bronze.critic_agg")).toHaveLength(1);
    expect(await rows("SELECT * FROM bronze.quarantine")).toEqual([]);
    const counted = await rows(
      `SELECT rows_read, rows_accepted, rows_quarantined FROM bronze.batches WHERE batch_id = '${batch}'`,
    );
    expect(counted).toEqual([{ rows_read: 0, rows_accepted: 0, rows_quarantined: 0 }]);
  });

  it("should leave no version of an object that held them, deleted or not", async () => {
    const versions = await allVersions(stack);
    const readings = await stack.catalogQuery(
      `select batch_id from ledger.batch
       where content_hash = (select content_hash from ledger.batch where batch_id = '${batch}')`,
    );
    const ids = readings.split("\n");
    expect(ids).toHaveLength(2);
    expect(
      await stack.catalogQuery("select count(*) from ledger.batch where hold::text ilike '%jane roe%'"),
    ).toBe("0");
    expect(versions.filter((name) => name.includes(cutOff))).toEqual([]);
    expect(versions.filter((name) => ids.some((id) => name.includes(id)))).toEqual([]);
    expect(versions.filter((name) => name.startsWith("landing/"))).toEqual([]);
    expect(versions.filter((name) => /^(warehouse\/[^_]|bronze\/tables\/)/.test(name)).sort()).toEqual(
      await tableObjects(stack),
    );
  });

  it("should refuse the history that it ended, with the reason", async () => {
    const { code, stderr } = await stack.reelhouse(["rollback", String(last)]);
    expect(code).toBe(1);
    expect(stderr).toContain(`publication ${last} cannot come back`);
  });

  it("should know the same bytes, and not load them again", async () => {
    const path = stack.write("data/sample/again.csv", moreCritics);
    stack.write("again.yaml", `source: {critic_agg: ${path}}\n`);
    expect(await json(["ingest", "--config", "again.yaml"])).toMatchObject({
      loaded: [],
      known: [{ batchId: batch }],
    });
    const { code, stderr } = await stack.reelhouse(["ingest", "--config", "again.yaml", "--again", path]);
    expect(code).toBe(3);
    expect(stderr).toContain("rows of these bytes were erased");
  });

  it("should be refused while an open branch may show the rows", async () => {
    const rows = "iceberg.iceberg_tables where catalog_name =";
    await stack.catalogQuery(`insert into iceberg.iceberg_tables
      select 'br_open', table_namespace, table_name, metadata_location, null, 'TABLE' from ${rows} 'lakehouse'`);
    const { code, stderr } = await stack.reelhouse([...words, "--dry-run"]);
    expect(code).toBe(1);
    expect(stderr).toContain("open branches may show the rows: br_open");
    await stack.catalogQuery(`set role iceberg_owner; delete from ${rows} 'br_open'`);
  });
});

/** The harm that each guard keeps away, seen with the guard taken off; so this comes last. */
describe("without their guards", () => {
  const admin = (catalog: string, sql: string) => stack.query(sql, "admin", catalog);
  const removeOrphans = (table: string) =>
    `ALTER TABLE ${table} EXECUTE remove_orphan_files(retention_threshold => '0s')`;

  /** The store tells times in whole seconds. */
  const olderMs = 1500;

  // Nothing is read before the harm is done: Trino keeps small files in memory, and would answer from there.
  beforeAll(() => removeGuards(stack));

  it("remove_orphan_files on production makes an open branch's changed table unreadable", async () => {
    await driver.call("fork");
    await dbt("CREATE OR REPLACE TABLE gold.kpis_by_year AS SELECT 1 AS n");
    await expect(admin("ingest", removeOrphans("gold.kpis_by_year"))).rejects.toThrow();
    await sleep(olderMs);
    await admin("unguarded_production", removeOrphans("gold.kpis_by_year"));
    await expect(dbt("SELECT * FROM gold.kpis_by_year")).rejects.toThrow();
  });

  it("remove_orphan_files in a branch makes what was published since its fork unreadable", async () => {
    await driver.call("fork");
    const id = await newest();
    await driver.call(`move ${id} ${id - 1} 2`);
    await sleep(olderMs);
    await admin("unguarded_branch", removeOrphans("gold.kpis_by_year"));
    await expect(stack.query("SELECT * FROM gold.kpis_by_year")).rejects.toThrow();
  });
});
