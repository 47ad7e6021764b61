/** Everything that publications do, in random order, against a model of it in memory. */
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { type Dangers, rowsOf } from "../dangers/dangers.ts";
import type { Row, Stack } from "../stack.ts";
import { expectAnswers, type Real } from "./answers.ts";
import { anchor, commands, notePublication, values } from "./commands.ts";
import { type Model, moments } from "./model.ts";

const seeds = [1, 2, 3, 4];
const stepsPerSeed = 100;

export function modelTest(dangersOf: () => Dangers): void {
  let real: Real;
  let model: Model;

  beforeAll(async () => {
    const { stack, driver, dbt } = dangersOf();
    real = { driver, dbt, read: (sql) => stack.query(sql), maintain: () => maintain(stack), log: [] };
    // As people do it: files that nobody reads stay for a while, and the driver's builds take theirs from there.
    stack.write("model.yaml", "source: {critic_agg: data/sample/critic_agg.csv}\n");
    await driver.call("fork");
    await dbt(`CREATE TABLE ${anchor} (v integer, n bigint)`);
    for (const v of values.slice(1)) await dbt(`CREATE OR REPLACE TABLE ${anchor} AS ${rowsOf(v)}`);
    expect((await driver.call(`learn ${anchor}`)).snapshots).toBe(values.length);
    model = { publications: [], branch: undefined, made: 0 };
    const tables = new Map([[anchor, { made: 0, v: values.length - 1 }]]);
    notePublication(model, await driver.call(`publish ${anchor}`), tables);
  });

  it.each(seeds)("should be what the model says after each step: seed %i", async (seed) => {
    const steps = fc.array(commands, { minLength: stepsPerSeed, maxLength: stepsPerSeed });
    const property = fc.asyncProperty(steps, (some) => fc.asyncModelRun(() => ({ model, real }), some));
    await fc.assert(property, { seed, numRuns: 1, endOnFailure: true });
  });

  it("should have taken 300 steps and more, of every kind", () => {
    expect(real.log.length).toBeGreaterThan(300);
    const kinds = new Set(real.log.map((step) => step.replace(/ (gold|\d).*/, "")));
    expect(kinds.size).toBe(11);
    console.info(`${real.log.length} steps, ${model.publications.length} publications`);
  });

  it("should answer for every moment that was", async () => {
    expect(moments(model).length).toBeGreaterThan(model.publications.length);
    await expectAnswers(real, moments(model));
  });
}

/** `reelhouse maintain`: its publication, as the driver tells one; undefined where nothing needed it. */
async function maintain(stack: Stack): Promise<Row | undefined> {
  const words = ["maintain", "--json", "--config", "model.yaml"];
  const { publication } = JSON.parse((await stack.succeed(words)).stdout);
  if (publication === null) return undefined;
  const told = await stack.catalogQuery(
    `select floor(extract(epoch from published_at) * 1000)::bigint,
       (select string_agg(table_namespace || '.' || table_name, ' ' order by table_name) from iceberg.iceberg_tables
        where catalog_name = 'lakehouse' and table_namespace in ('silver', 'gold'))
     from branch.publication where id = ${publication}`,
  );
  const [atMs = "", tables = ""] = told.split("|");
  return { id: publication, atMs: Number(atMs), tables: tables.split(" ") };
}
