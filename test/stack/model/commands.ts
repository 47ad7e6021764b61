/** What can happen to the lakehouse: each command does it, and says what the model expects of it. */
import fc from "fast-check";
import { expect } from "vitest";
import { rowsOf } from "../dangers/dangers.ts";
import type { Row } from "../stack.ts";
import { expectAnswers, type Real } from "./answers.ts";
import {
  branchOf,
  copy,
  type Model,
  type Moment,
  moments,
  newest,
  present,
  refusalOf,
  type Tables,
  wasPublished,
} from "./model.ts";

type Command = fc.AsyncCommand<Model, Real>;

/** Never leaves: a lakehouse without tables has no pointer that would tell that something was published since a fork. */
export const anchor = "gold.m0";
const names = [anchor, "gold.m1", "gold.m2", "gold.m3"];
/** Values that a table can have: 0 for no rows. */
export const values = [0, 1, 2, 3];

function command(name: string, run: Command["run"], { needsBranch = true } = {}): Command {
  return {
    check: ({ branch }) => !needsBranch || branch !== undefined,
    run: async (model, real) => {
      real.log.push(name);
      await run(model, real);
    },
    toString: () => name,
  };
}

const fork = command(
  "fork",
  async (model, { driver }) => {
    const { tables } = newest(model);
    expect((await driver.call("fork")).tables).toBe(tables.size);
    const base = model.publications.length - 1;
    model.branch = {
      base,
      tables: copy(tables),
      built: new Set(),
      changes: 0,
      tested: undefined,
      own: new Set(),
    };
  },
  { needsBranch: false },
);

/** Notes that a build made a table anew; `isTrinos`: by Trino. */
function noteBuild(model: Model, name: string, v: number, isTrinos: boolean): void {
  const branch = branchOf(model);
  const before = branch.tables.get(name);
  if (before === undefined) model.made += 1;
  branch.tables.set(name, { made: before?.made ?? model.made, v });
  branch.built.add(name);
  branch.changes += 1;
  if (!isTrinos) branch.own.delete(name);
  else if (before === undefined) branch.own.add(name);
}

const build = (name: string, v: number, isTwice: boolean) =>
  command(`build ${name} ${v}${isTwice ? " twice" : ""}`, async (model, { driver }) => {
    await driver.call(`build ${name} ${v}${isTwice ? " twice" : ""}`);
    noteBuild(model, name, v, false);
  });

/** As dbt does it: the whole table at once, or its rows in two commits. */
const buildByTrino = (name: string, v: number, isTwice: boolean) =>
  command(`SQL build ${name} ${v}${isTwice ? " twice" : ""}`, async (model, { dbt }) => {
    if (isTwice && branchOf(model).tables.has(name)) {
      await dbt(`DELETE FROM ${name}`);
      await dbt(`INSERT INTO ${name} ${rowsOf(v)}`);
    } else await dbt(`CREATE OR REPLACE TABLE ${name} AS ${rowsOf(v)}`);
    noteBuild(model, name, v, true);
  });

const test = command("test", async (model, { driver }) => {
  const branch = branchOf(model);
  expect((await driver.call("test")).tables).toBe(branch.tables.size);
  branch.tested = branch.changes;
});

/** The tables that the build made, or all that lie there: the others leave. */
const builtNames = (model: Model, isAll: boolean) => {
  const { tables, built } = branchOf(model);
  return isAll ? [...tables.keys()] : [...built.add(anchor)];
};

export function notePublication(model: Model, { id, atMs, tables }: Row, expected: Tables): void {
  expect(tables).toEqual([...expected.keys()].sort());
  model.publications.push({ id: Number(id), atMs: Number(atMs), tables: expected });
}

const publish = (isAll: boolean) =>
  command(`publish ${isAll ? "all" : "what was built"}`, async (model, real) => {
    const built = builtNames(model, isAll);
    const publishing = real.driver.call(`publish ${built.join(" ")}`);
    const refusal = refusalOf(model);
    if (refusal !== undefined) await expect(publishing).rejects.toThrow(refusal);
    else {
      const tables = new Map([...branchOf(model).tables].filter(([name]) => built.includes(name)));
      notePublication(model, await publishing, tables);
    }
    await expectAnswers(real, present(model));
  });

/** A publisher that is killed right before its transaction. */
const fail = command("fail", async (model, real) => {
  await real.driver.call(`die ${builtNames(model, true).join(" ")}`);
  await expectAnswers(real, present(model));
});

const rollback = (choice: number) =>
  command(
    `rollback ${choice}`,
    async (model, real) => {
      const target = model.publications[choice % model.publications.length] ?? newest(model);
      const rolling = real.driver.call(`rollback ${target.id}`);
      if (target === newest(model)) await expect(rolling).rejects.toThrow("is what is published");
      else {
        notePublication(model, await rolling, copy(target.tables));
      }
      await expectAnswers(real, present(model));
    },
    { needsBranch: false },
  );

/** A drop on the branch: only of what was made there and never published. */
const drop = (name: string) =>
  command(`drop ${name}`, async (model, real) => {
    const branch = branchOf(model);
    const held = branch.tables.get(name);
    if (held === undefined) return;
    const dropping = () => real.dbt(`DROP TABLE ${name}`);
    if (wasPublished(model, held)) await expect(dropping()).rejects.toThrow("DELETE FROM iceberg_tables");
    else if (branch.own.has(name)) {
      await dropping();
      branch.tables.delete(name);
      branch.built.delete(name);
      branch.changes += 1;
    }
    await expectAnswers(real, present(model));
  });

const readPast = (choices: number[]) =>
  command(
    "read the past",
    async (model, real) => {
      const all = moments(model);
      if (all.length === 0) return;
      await expectAnswers(
        real,
        choices.map((choice) => all[choice % all.length] as Moment),
      );
    },
    { needsBranch: false },
  );

/** Upkeep: it rewrites the tables that need it and publishes them, and takes away files that nobody reads. */
const maintain = command(
  "maintain",
  async (model, real) => {
    const publication = await real.maintain();
    if (publication !== undefined) notePublication(model, publication, copy(newest(model).tables));
    await expectAnswers(real, present(model));
  },
  { needsBranch: false },
);

const name = fc.constantFrom(...names);
const value = fc.constantFrom(...values);
/** Some of all that was, whatever its number. */
const choice = fc.nat(10_000);

const weighted: [weight: number, commands: fc.Arbitrary<Command>][] = [
  [4, fc.constant(fork)],
  [6, fc.tuple(name, value, fc.boolean()).map((words) => build(...words))],
  [1, fc.tuple(name, value, fc.boolean()).map((words) => buildByTrino(...words))],
  [2, fc.constant(test)],
  [4, fc.constantFrom(true, true, false).map(publish)],
  [1, fc.constant(fail)],
  [3, choice.map(rollback)],
  [2, name.map(drop)],
  [1, fc.constant(maintain)],
  [2, fc.array(choice, { minLength: 12, maxLength: 12 }).map(readPast)],
];

export const commands = fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })));
