/** What each guard is for: the harm on tables made for it, with the guard taken away. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { objectAt } from "../publications/objects.ts";
import { published } from "../publications/readings.ts";
import type { Stack } from "../stack.ts";
import { type Dangers, rowsOf } from "./dangers.ts";
import { objects } from "./inventory.ts";

export function harms(dangersOf: () => Dangers): void {
  let dangers: Dangers;
  let id: number;
  const catalogQuery: Stack["catalogQuery"] = (sql) => dangers.stack.catalogQuery(sql);
  const query: Stack["query"] = (...words) => dangers.stack.query(...words);
  const read = () => query("SELECT v, n FROM gold.harmed ORDER BY n");
  const rows = [
    { v: 2, n: 1 },
    { v: 2, n: 2 },
  ];
  const guard = (what: string) => catalogQuery(`alter table iceberg.iceberg_tables ${what}`);
  const fork = () => dangers.driver.call("fork");
  const pointer = (catalog = "lakehouse", namespace = "gold") =>
    catalogQuery(
      `select metadata_location from iceberg.iceberg_tables
       where (catalog_name, table_namespace, table_name) = ('${catalog}', '${namespace}', 'harmed')`,
    );
  /** What a reader of the table needs, one file of each kind. Trino answers from memory for a while without them. */
  const neededFiles = async () => {
    const [files] = await query(
      `SELECT max(file_path) AS data, max_by(manifest_list, committed_at) AS list
       FROM gold."harmed$files", gold."harmed$snapshots"`,
    );
    return [await pointer(), String(files?.list), String(files?.data)];
  };
  const missing = async (needed: string[]) => {
    const there = await objects(dangers.stack);
    return needed.filter((file) => !there.has(file.replace("s3://", "")));
  };

  beforeAll(() => {
    dangers = dangersOf();
  });
  beforeEach(async () => {
    const { driver, dbt } = dangers;
    await fork();
    await dbt(`CREATE TABLE gold.harmed AS ${rowsOf(2)}`);
    id = Number((await driver.call("publish gold.harmed")).id);
    expect(await read()).toEqual(rows);
  });
  /** The harmed table leaves, so that the next one has its name. */
  afterEach(async () => {
    await guard("enable trigger user");
    await guard("enable row level security");
    await fork();
    await dangers.driver.call("publish");
  });

  it("should be lost to readers by a drop on the branch", async () => {
    const drop = () => dangers.dbt("DROP TABLE gold.harmed");
    await expect(drop()).rejects.toThrow("DELETE FROM iceberg_tables");
    expect(await read()).toEqual(rows);
    await guard("disable trigger refuse_drop_of_shared_files");
    const needed = await neededFiles();
    await drop();
    expect(await missing(needed)).toEqual(needed);
  });

  it("should be lost by a drop after its removal, and never come back", async () => {
    await fork();
    await dangers.driver.call("publish");
    const drop = () => dangers.dbt("DROP TABLE gold.harmed");
    await expect(drop()).rejects.toThrow("DELETE FROM iceberg_tables");
    await guard("disable trigger refuse_drop_of_shared_files");
    await drop();
    await expect(dangers.driver.call(`rollback ${id}`)).rejects.toThrow();
  });

  it.each([
    ["remove_orphan_files", "does not know the files of a publication"],
    ["expire_snapshots", "does not know the tag of a publication"],
  ])("should be lost by %s on the branch, which %s", async (procedure) => {
    // What was published is not the branch's current state any more.
    await dangers.dbt(`CREATE OR REPLACE TABLE gold.harmed AS ${rowsOf(3)}`);
    const needed = await neededFiles();
    const upkeep = `ALTER TABLE gold.harmed EXECUTE ${procedure}(retention_threshold => '0s')`;
    await expect(query(upkeep, "admin", "audit")).rejects.toThrow("shorter than the minimum retention");
    expect(await missing(needed)).toEqual([]);
    await query(upkeep, "admin", "unguarded");
    expect(await missing(needed)).not.toEqual([]);
  });

  it("should be rewritten by someone who may only read it", async () => {
    await guard("disable row level security");
    await query("CREATE SCHEMA IF NOT EXISTS bronze", "admin", "audit").catch(() => undefined);
    await query(`CREATE TABLE bronze.harmed AS ${rowsOf(1)}`, "admin", "audit");
    await query(`INSERT INTO bronze.harmed ${rowsOf(2)}`, "admin", "audit");
    const branchPointer = () => pointer("audit", "bronze");
    const before = await branchPointer();
    await expect(dangers.dbt("DELETE FROM bronze.harmed WHERE v = 1")).rejects.toThrow("Cannot delete");
    const optimize = () => dangers.dbt("ALTER TABLE bronze.harmed EXECUTE optimize");
    await guard("enable row level security");
    await expect(optimize()).rejects.toThrow();
    expect(await branchPointer()).toBe(before);
    await guard("disable row level security");
    await optimize();
    expect(await branchPointer()).not.toBe(before);
  });

  it("should be gone under its name after a rename", async () => {
    const rename = (from: string, to: string) =>
      query(`ALTER TABLE bronze.${from} RENAME TO bronze.${to}`, "ingest", "ingest");
    await expect(rename("critic_agg", "critics")).rejects.toThrow("Failed to rename table");
    await guard("disable trigger refuse_rename_of_published");
    await rename("critic_agg", "critics");
    await expect(query("SELECT count(*) FROM bronze.critic_agg", "admin")).rejects.toThrow("does not exist");
    await rename("critics", "critic_agg");
  });

  it("should be seen half changed, or empty in its history, if the branch's commits were published as they are", async () => {
    await fork();
    await dangers.dbt("DELETE FROM gold.harmed");
    const between = await catalogQuery(
      "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS')",
    );
    expect(await read()).toEqual(rows);
    await dangers.dbt(`INSERT INTO gold.harmed ${rowsOf(3)}`);
    expect(await read()).toEqual(rows);
    const then = () =>
      query(`SELECT v, n FROM gold.harmed FOR TIMESTAMP AS OF TIMESTAMP '${between} UTC' ORDER BY n`);
    const point = (to: string) =>
      catalogQuery(
        `update iceberg.iceberg_tables set metadata_location = '${to}'
         where (catalog_name, table_namespace, table_name) = ('lakehouse', 'gold', 'harmed')`,
      );
    const published = await pointer();
    await point(await pointer("audit"));
    expect(await then()).toEqual([]);
    await point(published);
    await dangers.driver.call("publish gold.harmed");
    expect(await then()).toEqual(rows);
  });

  it("should not be written where the network lost an answer, if no object may be written again", async () => {
    await fork();
    const insert = (catalog: string) => query("INSERT INTO gold.harmed VALUES (2, 3)", "admin", catalog);
    await expect(insert("lossy_exclusive")).rejects.toThrow("Error committing write parquet");
    const branchRows = () => query("SELECT count(*) AS rows FROM gold.harmed", "dbt", "audit");
    expect(await branchRows()).toEqual([{ rows: 2 }]);
    await insert("lossy");
    expect(await branchRows()).toEqual([{ rows: 3 }]);
  });

  describe("a clock that was set back", () => {
    const definition = "pg_get_functiondef('branch.next_publication'::regproc)";
    const hourBack = `replace(${definition}, 'clock_timestamp()', '(clock_timestamp() - interval ''1 hour'')')`;
    const define = (sql: string) => catalogQuery(`do $do$ begin execute ${sql}; end $do$`);
    let original: string;
    beforeEach(async () => {
      original = await catalogQuery(`select ${definition}`);
      await define(hourBack);
    });
    afterEach(async () => {
      await catalogQuery(original);
    });

    it("should leave it its history in order, and unreadable if the clock alone gave the time", async () => {
      const republish = async () => {
        await fork();
        await dangers.dbt("INSERT INTO gold.harmed VALUES (2, 3)");
        return Number((await dangers.driver.call("publish gold.harmed")).id);
      };
      const later = await republish();
      const counted = async (publication: number) =>
        query(
          `SELECT count(*) AS rows FROM gold.harmed FOR TIMESTAMP AS OF ${await published(dangers.stack, publication)}`,
        );
      expect(await counted(id)).toEqual([{ rows: 2 }]);
      expect(await counted(later)).toEqual([{ rows: 3 }]);
      await define(`regexp_replace(${definition}, 'greatest\\(', 'least(', 'i')`);
      await republish();
      await expect(read()).rejects.toThrow();
    });
  });

  describe("more than 100 commits", () => {
    const log = async () => {
      const text = await objectAt(dangers.stack, "GET", (await pointer()).replace("s3://", ""));
      const entries: Record<string, string>[] = JSON.parse(text)["metadata-log"];
      return entries.map((entry) => entry["metadata-file"]);
    };

    it("should not end what is behind them, though the old metadata files are collected", async () => {
      const place = await pointer();
      await fork();
      await dangers.dbt(`CREATE OR REPLACE TABLE gold.harmed AS ${rowsOf(3)}`);
      const { id: second } = await dangers.driver.call("publish gold.harmed");
      await dangers.driver.call(`move ${second} ${id} 110`);
      const files = await log();
      expect(files).toHaveLength(100);
      expect(files).not.toContain(place);
      await objectAt(dangers.stack, "DELETE", place.replace("s3://", ""));
      await dangers.driver.call(`rollback ${id}`);
      expect(await read()).toEqual(rows);
      const counts = [id, second].map(
        (then) => `SELECT count(*) AS rows FROM gold.harmed FOR VERSION AS OF 'pub_${then}'`,
      );
      expect(await query(`${counts[0]}`)).toEqual([{ rows: 2 }]);
      expect(await query(`${counts[1]}`)).toEqual([{ rows: 3 }]);
    });
  });
}
