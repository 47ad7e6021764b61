/** dbt owns the branch, but the branch shares its files with what is published: nothing it does there may touch those. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Stack } from "../stack.ts";
import type { Running } from "./running.ts";

const published = "SELECT * FROM gold.kpis_by_year ORDER BY release_year";
// PostgreSQL's trigger refuses; Trino names the statement that failed, not the reason.
const refusedByTrigger = "Failed to execute: DELETE FROM iceberg_tables";

export function branchGuard(runningOf: () => Running): void {
  let stack: Stack;
  const dbt = (sql: string) => stack.query(sql, "dbt", "audit");
  const fork = () => stack.catalogQuery("select count(*) from branch.fork()");
  beforeAll(async () => {
    stack = runningOf().stack;
    await fork();
  });
  // Forgets what the tests left on the branch.
  afterAll(fork);

  it("should refuse to drop a table whose files are published, and leave every file", async () => {
    const before = await stack.query(published);
    expect(before).not.toEqual([]);
    await expect(dbt("DROP TABLE gold.kpis_by_year")).rejects.toThrow(refusedByTrigger);
    expect(await stack.query(published)).toEqual(before);
    expect(await dbt(published)).toEqual(before);
  });

  it("should refuse it under another name too", async () => {
    const before = await stack.query(published);
    await dbt("ALTER TABLE gold.kpis_by_year RENAME TO gold.access_renamed");
    await expect(dbt("DROP TABLE gold.access_renamed")).rejects.toThrow(refusedByTrigger);
    await dbt("ALTER TABLE gold.access_renamed RENAME TO gold.kpis_by_year");
    expect(await stack.query(published)).toEqual(before);
  });

  it("should refuse to drop a whole schema with it", async () => {
    const before = await stack.query(published);
    await expect(dbt("DROP SCHEMA gold CASCADE")).rejects.toThrow(refusedByTrigger);
    expect(await stack.query(published)).toEqual(before);
  });

  // CREATE OR REPLACE takes any location, and DROP deletes everything below it.
  it.each([
    ["around", "s3://warehouse/access-probe/around/table", "s3://warehouse/access-probe/around"],
    ["inside", "s3://warehouse/access-probe/inside", "s3://warehouse/access-probe/inside/data"],
    ["aside", "s3://warehouse/access-probe/aside", "s3a://warehouse/access-probe/aside"],
  ])("should refuse to drop a table that lies %s another: %s, %s", async (how, victim, intruder) => {
    const table = (name: string, location: string) =>
      `CREATE OR REPLACE TABLE gold.access_${name}_${how} WITH (location = '${location}') AS SELECT 1 AS film`;
    await dbt(table("victim", victim));
    await dbt(table("intruder", intruder));
    await expect(dbt(`DROP TABLE gold.access_intruder_${how}`)).rejects.toThrow(refusedByTrigger);
    expect(await dbt(`SELECT * FROM gold.access_victim_${how}`)).toEqual([{ film: 1 }]);
  });

  // Both know the branch's own references only, and delete what the lakehouse still needs.
  it.each(["expire_snapshots", "remove_orphan_files"])(
    "should refuse %s on the branch",
    async (procedure) => {
      await expect(
        dbt(`ALTER TABLE gold.kpis_by_year EXECUTE ${procedure}(retention_threshold => '30d')`),
      ).rejects.toThrow("is shorter than the minimum retention configured in the system");
    },
  );

  it("should keep dbt from rewriting bronze, and ingest from dropping what the branch reads", async () => {
    const ingest = (sql: string) => stack.query(sql, "ingest", "ingest");
    await ingest("CREATE TABLE bronze.access_probe (title varchar)");
    await ingest("INSERT INTO bronze.access_probe VALUES 'a'");
    await ingest("INSERT INTO bronze.access_probe VALUES 'b'");
    await fork();
    await expect(dbt("ALTER TABLE bronze.access_probe EXECUTE optimize")).rejects.toThrow();
    await expect(dbt("ALTER TABLE bronze.access_probe EXECUTE optimize_manifests")).rejects.toThrow();
    await expect(ingest("DROP TABLE bronze.access_probe")).rejects.toThrow(refusedByTrigger);
    expect(await ingest("SELECT * FROM bronze.access_probe ORDER BY title")).toEqual([
      { title: "a" },
      { title: "b" },
    ]);
    await stack.catalogQuery(`set role iceberg_owner;
      delete from iceberg.iceberg_tables where catalog_name = 'audit' and table_name = 'access_probe'`);
    await ingest("DROP TABLE bronze.access_probe");
  });
}
