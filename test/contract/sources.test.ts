/** What the ingester writes to bronze is what dbt reads from it. */
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { batchColumns, quarantineColumns } from "../../ingest/src/bronze/tables.ts";
import { loadContracts } from "../../ingest/src/read/contract.ts";
import { firstGroups, listFiles, readText } from "./repository.ts";

const contracts = [...loadContracts().values()];
const names = contracts.map(({ name }) => name).sort();

const stagingFolder = "dbt_project/models/staging";
const staging = listFiles(stagingFolder).map((path) => basename(path));
/** Those that `reelhouse source add` made: each is declared in a file of its own. */
const added = staging.flatMap((file) => firstGroups(file, /^src_(\w+)\.yml$/g)).sort();

/** The columns that a staging model asks its source for. */
function stagedColumns(source: string): string[] {
  const text = readText(`dbt_project/models/staging/stg_${source}.sql`);
  const identity = firstGroups(text, /\b(?:title|year)='(\w+)'/g);
  const [measures = ""] = firstGroups(text, /measures=\{([^}]*)\}/g);
  return [...identity, ...firstGroups(measures, /'(\w+)':/g)];
}

describe("sources", () => {
  it("should be the same in the ingester's contracts and in dbt's sources", () => {
    const [bronze] = parse(readText(`${stagingFolder}/sources.yml`)).sources;
    const tables = bronze.tables.map(({ name }: { name: string }) => name).sort();
    expect(tables).toEqual([...names, "batches", "quarantine"].sort());
  });

  it("should each have a staging model with its yml, and no other source has one", () => {
    const models = [...names, ...added].map((name) => `stg_${name}`).sort();
    expect(staging.filter((file) => file.endsWith(".sql")).sort()).toEqual(
      models.map((name) => `${name}.sql`),
    );
    for (const model of models) expect(staging).toContain(`${model}.yml`);
  });

  it("should have names that no other has, and no file for a source that is built in", () => {
    expect(added.filter((name) => names.includes(name))).toEqual([]);
  });

  it("should be listed once in dbt's order of preference", () => {
    const [body = ""] = firstGroups(
      readText("dbt_project/macros/staging.sql"),
      /macro source_names\(\)[^}]*\}([\s\S]*?)\{%-? endmacro/g,
    );
    expect(firstGroups(body, /\b([a-z]+_[a-z_]+)\b/g).sort()).toEqual(names);
  });

  it.each(contracts)("should have the columns that dbt stages: $name", ({ name, columns }) => {
    expect(stagedColumns(name).sort()).toEqual(columns.map((column) => column.name).sort());
  });

  it.each(added)("should be declared and staged under its own name: %s", (name) => {
    const [bronze] = parse(readText(`${stagingFolder}/src_${name}.yml`)).sources;
    expect(bronze).toMatchObject({ name: "bronze", schema: "bronze", tables: [{ name }] });
    const [model] = parse(readText(`${stagingFolder}/stg_${name}.yml`)).models;
    expect(model.name).toBe(`stg_${name}`);
    expect(readText(`${stagingFolder}/stg_${name}.sql`)).toContain(`source_name='${name}'`);
  });

  it.each(["pipeline.yaml", "pipeline.films.yaml"])("should all be named in %s", (file) => {
    const { source } = parse(readText(file));
    const keys = Object.entries(source).flatMap(([key, value]) =>
      typeof value === "string" ? key : Object.keys(value as object).map((part) => `${key}.${part}`),
    );
    expect(keys).toEqual(expect.arrayContaining(contracts.map(({ key }) => key)));
  });
});

describe("the ingester's own tables", () => {
  it.each([
    ["batches", batchColumns],
    ["quarantine", quarantineColumns],
  ])("should have every column that dbt takes from bronze.%s", (table, columns) => {
    const known = columns.map(({ name }) => name);
    const asked = listFiles("dbt_project")
      .filter((path) => path.endsWith(".sql"))
      .flatMap((path) => firstGroups(readText(path), new RegExp(`\\b${table}\\.(\\w+)`, "g")));
    const counted = ["times_committed"]; // a column of the test that counts batches under this name
    expect(asked.filter((column) => !known.includes(column) && !counted.includes(column))).toEqual([]);
  });
});
