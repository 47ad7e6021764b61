/** BI tools show the descriptions of what is published: none may be missing. */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { firstGroups, listFiles, readPage, readText } from "./repository.ts";

interface Model {
  name: string;
  description?: string;
  columns: { name: string; description?: string }[];
}

const published = ["silver", "gold"].flatMap((layer) => listFiles(`dbt_project/models/${layer}`));
const models = published.filter((path) => path.endsWith(".sql")).map((path) => path.replace(/\.sql$/, ""));
const docBlocks = firstGroups(readText("dbt_project/models/docs.md"), /\{% docs (\w+) %\}/g);

function modelOf(path: string): Model {
  const [model] = parse(readText(`${path}.yml`)).models;
  return model;
}

describe.each(models)("%s", (path) => {
  const model = modelOf(path);

  it("should be described under its own name", () => {
    expect(path.endsWith(`/${model.name}`)).toBe(true);
    expect(model.description?.trim()).toBeTruthy();
  });

  it("should describe each column", () => {
    expect(model.columns.filter(({ description }) => !description?.trim()).map(({ name }) => name)).toEqual(
      [],
    );
  });

  it("should take its descriptions from doc blocks that exist", () => {
    const used = firstGroups(readText(`${path}.yml`), /\{\{ doc\("(\w+)"\) \}\}/g);
    expect(used.filter((name) => !docBlocks.includes(name))).toEqual([]);
  });

  it("should be on the page that explains the layers", () => {
    expect(readPage("docs/what-happens-to-a-row.md").inlineCode).toContain(
      path.split("/").slice(-2).join("."),
    );
  });
});

describe("gold.movies_unified", () => {
  it("should be explained column by column", () => {
    const { inlineCode } = readPage("docs/what-happens-to-a-row.md");
    const columns = modelOf("dbt_project/models/gold/movies_unified").columns.map(({ name }) => name);
    expect(columns.filter((name) => !inlineCode.includes(name))).toEqual([]);
  });
});
