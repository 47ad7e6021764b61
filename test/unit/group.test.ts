/** Small files that share objects, on local disk and in their tables. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../ingest/src/bronze/engine.ts";
import { makeVisible } from "../../ingest/src/bronze/visible.ts";
import type { LoadTools } from "../../ingest/src/ingest.ts";
import { createLoader, type Loader } from "../fixtures/load.ts";

let loader: Loader;
beforeEach(async () => {
  loader = await createLoader();
});
afterEach(() => loader.close());

const contents = ["a,b\n1,x\nshort\n2,y\n", "b,c\nz,3\nshort\n", "a,b\n4,w\n"];

describe("a group of small files", () => {
  it("should be one object per table, in which each row keeps its own file and number", async () => {
    const { batches, rows } = await loader.loadGroup(contents);
    const kinds = [...loader.store.keys].map((key) => key.split("/")[0]).sort();
    expect(kinds).toEqual(["originals", "originals", "originals", "quarantine", "rows"]);
    const [first, second, third] = batches.map(({ claim }) => claim.batchId);
    expect(
      rows.map((row) => [
        ...["a", "b", "c", "_batch_id"].map((name) => row.get(name)),
        Number(row.get("_row_number")),
      ]),
    ).toEqual([
      ["1", "x", null, first, 1],
      ["2", "y", null, first, 3],
      ["4", "w", null, third, 1],
      [null, "z", "3", second, 1],
    ]);
    expect(new Set(batches.flatMap((batch) => batch.rows)).size).toBe(1);
    expect(batches.map(({ rejects }) => rejects === undefined)).toEqual([false, false, true]);
    expect(batches[0]?.rejects).toBe(batches[1]?.rejects);
    expect(await loader.leftovers()).toEqual([]);
  });

  it("should fail when an object has not the rows of all its files", async () => {
    const loseOne = (engine: Engine): Engine => ({
      ...engine,
      copy: async (statement) => (await engine.copy(statement)) - 1,
    });
    await expect(loader.loadGroup(contents, loseOne)).rejects.toThrow(
      /^write rows\/critic_agg\/group-[0-9a-f]{64}\.parquet: expected 3 rows, 2 were written$/,
    );
    expect([...loader.store.keys].filter((key) => !key.startsWith("originals/"))).toEqual([]);
    expect(await loader.leftovers()).toEqual([]);
  });

  it("should fail when a row is counted to another file than its own", async () => {
    // As if DuckDB had read the files in another order: the counts of all of them together are right.
    const swapped = (engine: Engine): Engine => ({
      ...engine,
      copy: (statement) => engine.copy(statement.replace("ON record_file = path", "ON record_file <> path")),
    });
    const two = ["a,b\n1,x\n2,y\n", "a,b\n3,z\n4,w\n5,v\n"];
    await expect(loader.loadGroup(two, swapped)).rejects.toThrow(
      /: expected 2 rows of \/deliveries\/films\.csv, numbered within 1 to 2; 3 were written/,
    );
  });

  it("should number the rows of many files as each of them alone", async () => {
    const many = Array.from({ length: 40 }, (_, file) => {
      const lines = Array.from({ length: 30 }, (_, line) =>
        line % 7 === file % 7 ? "short" : `${line + 1},x`,
      );
      return `a,b\n${lines.join("\n")}\n`;
    }).map((text, file) => text.replaceAll("x", `film ${file}`));
    const { rows } = await loader.loadGroup(many);
    expect(rows.length).toBeGreaterThan(1000);
    expect(rows.filter((row) => row.get("a") !== String(row.get("_row_number")))).toEqual([]);
    expect(new Set(rows.map((row) => `${row.get("b")} ${row.get("_batch_id")}`)).size).toBe(40);
  });

  it("should forget what is held back", async () => {
    const { batches, rows } = await loader.loadGroup(contents, undefined, 1);
    expect(batches).toHaveLength(2);
    expect(rows.map((row) => row.get("a"))).toEqual(["1", "2", "4"]);
    expect(await loader.leftovers()).toEqual([]);
  });

  it("should be registered once per object, however many batches share it", async () => {
    const { batches } = await loader.loadGroup(contents);
    const statements: string[] = [];
    const trino = {
      query: async (sql: string) => {
        statements.push(sql);
        return { columns: [], rows: [] };
      },
    };
    const ledger = {
      query: async (sql: string) => ({
        rows: sql.includes("nextval") ? batches.map((_, index) => ({ load_order: index + 1 })) : [],
      }),
    };
    const report = { info() {}, warn() {}, error() {}, progress() {} };
    const tables = new Map([["critic_agg", ["a", "b", "c"]]]);
    const tools = { trino, ledger, report, signal: new AbortController().signal };
    expect(await makeVisible(batches, tables, tools as unknown as LoadTools)).toHaveLength(3);
    expect(statements.filter((sql) => sql.includes("add_files"))).toHaveLength(2);
    expect(statements.filter((sql) => sql.startsWith("INSERT INTO bronze.batches"))).toHaveLength(1);
  });
});
