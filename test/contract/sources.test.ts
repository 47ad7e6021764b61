/** What the ingester writes to bronze is what dbt reads from it. */
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { batchColumns, quarantineColumns } from "../../ingest/src/bronze/tables.ts";
import { loadContracts } from "../../ingest/src/read/contract.ts";
import { firstGroups, listFiles, readText } from "./repository.ts";

const contracts = [...loadContracts().values()];
const names = contracts.map(({ name }) => name).sort();

/** The columns that a staging model asks its source for. */
function stagedColumns(source: string): string[] {
  const text = readText(`dbt_project/models/staging/stg_${source}.sql`);
  const identity = firstGroups(text, /\b(?:title|year)='(\w+)'/g);
  const [measures = ""] = firstGroups(text, /measures=\{([^}]*)\}/g);
  return [...identity, ...firstGroups(measures, /'(\w+)':/g)];
}

describe("sources", () => {
  it("should be the same in the ingester's contracts and in dbt's sources", () => {
    const [bronze] = parse(readText("dbt_project/models/staging/sources.yml")).sources;
    const tables = bronze.tables.map(({ name }: { name: string }) => name).sort();
    expect(tables).toEqual([...names, "batches", "quarantine"].sort());
  });

  it("should each have a staging model, and no other source has one", () => {
    const models = listFiles("dbt_project/models/staging").filter((path) => path.endsWith(".sql"));
    expect(models.map((path) => basename(path, ".sql")).sort()).toEqual(names.map((name) => `stg_${name}`));
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

  it.each(["pipeline.yaml", "pipeline.films.yaml"])("should all be named in %s", (file) => {
    const { source } = parse(readText(file));
    const keys = Object.entries(source).flatMap(([key, value]) =>
      typeof value === "string" ? key : Object.keys(value as object).map((part) => `${key}.${part}`),
    );
    expect(keys.sort()).toEqual(contracts.map(({ key }) => key).sort());
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
