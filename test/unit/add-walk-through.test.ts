/** docs/add-a-source.md shows what the command writes for its file, and a model that starts from that. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { contractText } from "../../ingest/src/add/contract-file.ts";
import { inspectFile } from "../../ingest/src/add/inspect.ts";
import { proposeColumns } from "../../ingest/src/add/propose.ts";
import { stagingSql } from "../../ingest/src/add/staging-model.ts";

const project = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(project, "docs/add-a-source.md"), "utf8");
const blocks = [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)].map(([, kind, text = ""]) => ({
  kind,
  text,
}));
const path = join(project, "data/streaming/views.csv");

async function proposed() {
  const { format, columns, rows } = await inspectFile({ path, hostPath: path });
  const source = { name: "streaming_views", format, fileName: "views.csv", rowCount: rows.length };
  return { ...source, columns: proposeColumns(columns, rows) };
}

describe("the walk-through", () => {
  it("should show the file and its contract", async () => {
    const texts = blocks.map(({ text }) => text);
    expect(texts).toContain(readFileSync(path, "utf8"));
    expect(texts).toContain(contractText(await proposed()));
  });

  it("should change two lines of the staging model", async () => {
    const shown =
      blocks.find(({ kind, text }) => kind === "sql" && text.includes("committed_rows"))?.text ?? "";
    const written = stagingSql(await proposed()).split("\n");
    const others = shown.split("\n").filter((line) => !written.includes(line));
    expect(others.map((line) => line.trim())).toEqual([
      `{{ clean_title('"film"') }} as "film",`,
      `{{ film_key('"film"') | indent(8) }} as film_key,`,
    ]);
  });

  it("should describe each column of the gold model", () => {
    const sql = blocks.find(({ text }) => text.includes("final as ("))?.text ?? "";
    const [model] = parse(blocks.find(({ text }) => text.startsWith("models:"))?.text ?? "").models;
    expect(model.name).toBe("streaming_films");
    const selected = [...(sql.split("final as (")[1] ?? "").matchAll(/^ {8}\w+\.(\w+),?$/gm)].map(
      ([, name]) => name,
    );
    expect(model.columns.map(({ name }: { name: string }) => name)).toEqual(selected);
    expect(selected).toContain("streaming_views");
  });
});
