/** All guards at work: whatever is tried by whomever, readers find what they found before. */
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type Dangers, rowsOf } from "./dangers.ts";
import { dbtBuild, dbtTables } from "./dbt-drops.ts";
import { forms } from "./forms.ts";
import { expectUntouched, type Inventory, inventory } from "./inventory.ts";

const branches = "catalog_name in ('audit', 'maintenance')";

export function guards(dangersOf: () => Dangers): void {
  let dangers: Dangers;
  let first: number;
  let before: Inventory;
  const fork = () => dangers.driver.call("fork");

  beforeAll(async () => {
    dangers = dangersOf();
    const { stack, driver, dbt } = dangers;
    await stack.succeed(["ingest"]);
    await fork();
    const names = ["gold.kept", "gold.lost", ...dbtTables];
    for (const name of names) await dbt(`CREATE OR REPLACE TABLE ${name} AS ${rowsOf(1)}`);
    first = Number((await driver.call(`publish ${names.join(" ")}`)).id);
    await fork();
    await driver.call(`publish gold.kept ${dbtTables.join(" ")}`);
    await stack.catalogQuery(
      `select count(*) from branch.fork_for_maintenance();
       create table branch.older as select * from iceberg.iceberg_tables where ${branches};
       grant select on branch.older to iceberg_owner`,
    );
    before = await inventory(stack, [`FOR VERSION AS OF 'pub_${first}'`]);
    expect(before.answers.now).not.toHaveProperty("gold.lost");
  });
  /** The branch is older than the removal of `lost` from production. */
  beforeEach(async () => {
    await dangers.stack.catalogQuery(
      `set role iceberg_owner;
       delete from iceberg.iceberg_tables where ${branches};
       insert into iceberg.iceberg_tables select * from branch.older`,
    );
  });
  afterAll(async () => {
    await dangers.stack.catalogQuery(
      `drop table branch.older; set role iceberg_owner; delete from iceberg.iceberg_tables where ${branches}`,
    );
    await fork();
  });

  it.each(forms)("should leave all to readers: $user in $catalog", async ({ user, catalog, tried }) => {
    for (const [statement, end] of tried) {
      const doing = dangers.stack.query(statement, user, catalog);
      if (end === "done") await doing;
      else await expect(doing, statement).rejects.toThrow(end);
    }
    await expectUntouched(dangers.stack, before);
  });

  it("should leave all to readers: dbt's rename, drop, view for a table, and full refresh of a seed", async () => {
    const ends = await dbtBuild(dangers.stack);
    const refused = expect.stringContaining("DELETE FROM iceberg_tables");
    expect(ends).toEqual(Object.fromEntries(dbtTables.map((name) => [name, refused])));
    await expectUntouched(dangers.stack, before);
  });

  it("should bring back a table that was removed, with its rows", async () => {
    await dangers.driver.call(`rollback ${first}`);
    expect(await dangers.stack.query("SELECT v FROM gold.lost")).toEqual([{ v: 1 }]);
  });
}
