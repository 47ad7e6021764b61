/** The files that `reelhouse source add` proposes: each must be read by those that it is for. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { contractText } from "../../ingest/src/add/contract-file.ts";
import { entryOf, type PipelineEntry, withEntry } from "../../ingest/src/add/pipeline-entry.ts";
import { proposeColumns } from "../../ingest/src/add/propose.ts";
import { sourceYml, stagingSql, stagingYml } from "../../ingest/src/add/staging-model.ts";
import { readContract } from "../../ingest/src/config/contracts.ts";
import { loadPipeline } from "../../ingest/src/config.ts";
import { bronzeColumnNames } from "../../ingest/src/read/column-names.ts";
import { loadContracts } from "../../ingest/src/read/contract.ts";

const newSource = (columns: string[], rows: (string | null)[][] = []) => ({
  name: "streaming_views",
  format: "csv" as const,
  fileName: "views.csv",
  rowCount: rows.length,
  columns: proposeColumns(columns, rows),
});
const views = newSource(
  ["film", "week", "views", "seen_at"],
  [
    ["Heat", "2024-01-01", "12", "2024-01-01T10:00:00Z"],
    ["Up", "2024-01-08", null, "2024-01-08T10:00:00Z"],
  ],
);

describe("pipeline.yaml", () => {
  const text = readFileSync(new URL("../../pipeline.yaml", import.meta.url), "utf8");

  it("should keep each line, and get the entry behind the last source", () => {
    const edited = withEntry(text, "streaming_views", "data/streaming/views.csv");
    const line = "  streaming_views: data/streaming/views.csv\n";
    expect(edited.replace(line, "")).toBe(text);
    expect(edited.indexOf(line)).toBe(edited.indexOf("international.csv\n") + "international.csv\n".length);
  });

  const cases: [string, string, PipelineEntry, string][] = [
    ["four spaces", "source:\n    a: x # why\n# end\n", "y", "source:\n    a: x # why\n    n: y\n# end\n"],
    ["no line break at the end", "source:\n  a: x", "y", "source:\n  a: x\n  n: y\n"],
    [
      "CRLF",
      "source:\r\n  a: x\r\n\r\noutput:\r\n  gold: g\r\n",
      "y",
      "source:\r\n  a: x\r\n  n: y\r\n\r\noutput:\r\n  gold: g\r\n",
    ],
    [
      "a list",
      "source:\n  a:\n    path:\n      - x\n      - z\n",
      "y",
      "source:\n  a:\n    path:\n      - x\n      - z\n  n: y\n",
    ],
    [
      "an entry with options",
      "source:\n  a: x\noutput: {gold: g}\n",
      { path: "y", delimiter: "tab" },
      "source:\n  a: x\n  n:\n    path: y\n    delimiter: tab\noutput: {gold: g}\n",
    ],
  ];
  it.each(cases)("should be edited in its own form: %s", (_, before, entry, after) => {
    expect(withEntry(before, "n", entry)).toBe(after);
  });

  it("should keep values, order and comments where it is written in one line", () => {
    const edited = withEntry("# first\nsource: {a: x} # second\n# third\noutput: {gold: g}\n", "n", "y");
    expect(parse(edited)).toEqual({ source: { a: "x", n: "y" }, output: { gold: "g" } });
    expect(edited.match(/# (first|second|third)/g)).toHaveLength(3);
  });

  it("should be refused where its sources stand elsewhere", () => {
    const text = "x: &x\n  a: x\nsource: *x\n";
    expect(() => withEntry(text, "n", "y")).toThrow(expect.objectContaining({ exitCode: 2 }));
  });

  it("should say what was found out, in its own words", () => {
    expect(entryOf("a.csv", undefined, {})).toBe("a.csv");
    const dollar = "$";
    expect(
      entryOf(`a${dollar}{b}.txt`, "csv", { delimiter: "\t", quoteEscape: "\\", encoding: "windows-1252" }),
    ).toEqual({
      path: `a${dollar}${dollar}{b}.txt`,
      format: "csv",
      delimiter: "tab",
      escape: "\\",
      encoding: "windows-1252",
    });
  });
});

describe("the contract", () => {
  it("should have columns, types and ranges, each with its evidence", () => {
    const text = contractText(views);
    expect(parse(text)).toEqual({
      key: "streaming_views",
      format: "csv",
      columns: [
        { name: "film", required: true, type: "varchar" },
        { name: "week", required: true, type: "date", range: ["2024-01-01", "2024-01-08"] },
        { name: "views", required: false, type: "bigint", range: [12, 12] },
        {
          name: "seen_at",
          required: true,
          type: "timestamp",
          range: ["2024-01-01 10:00:00", "2024-01-08 10:00:00"],
        },
      ],
    });
    expect(text).toContain("# 1 of 2 rows have a value; least 12, greatest 12; such as 12\n");
  });

  it.each([
    ["no columns", "key: n\n", /n.yaml:1: expected the key 'columns'/],
    ["another key", "key: m\ncolumns: [{name: a}]\n", /n.yaml:1: key: expected n/],
    [
      "a column without a name",
      "columns:\n  - required: true\n",
      /n.yaml:2: .*expected the name of a column/,
    ],
    [
      "a name that bronze spells otherwise",
      "columns: [{name: A}]\n",
      /expected a, as bronze spells it, found 'A'/,
    ],
    ["a format that is none", "format: xml\ncolumns: [{name: a}]\n", /expected csv .*found 'xml'/],
  ])("should be refused with its line: %s", (_, text, message) => {
    expect(() => readContract(text, "n")).toThrow(message);
  });

  const name = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string(),
    fc.constantFrom("no", "null", "1", "- a", "a: b", "~"),
  );
  const columns = fc.array(name, { minLength: 1, maxLength: 6 }).map((names) => bronzeColumnNames(names));
  const value = fc.option(
    fc.oneof(fc.string({ unit: "binary" }), fc.integer().map(String), fc.constant("2024-01-01")),
  );

  it("should be accepted, whatever the columns and the values", () => {
    const folder = mkdtempSync(join(tmpdir(), "reelhouse-test-"));
    try {
      const table = columns.chain((names) =>
        fc.tuple(
          fc.constant(names),
          fc.array(fc.array(value, { minLength: names.length, maxLength: names.length }), { maxLength: 4 }),
        ),
      );
      fc.assert(
        fc.property(table, ([names, rows]) => {
          const source = newSource(names, rows);
          const text = contractText(source);
          writeFileSync(join(folder, "streaming_views.yaml"), text);
          const contract = loadContracts(pathToFileURL(`${folder}/`)).get("streaming_views");
          expect(contract?.columns.map((column) => column.name)).toEqual(names);
          expect(readContract(text, "streaming_views").columns.map((column) => column.name)).toEqual(names);
          // dbt's files are read at least as YAML; their names need nothing but quotes.
          const [model] = parse(stagingYml(source), { version: "1.1" }).models;
          for (const column of model.columns) expect(column.name).toMatch(/^[\p{L}\p{N}\p{M}_]+$/u);
          expect(parse(sourceYml(source)).sources[0].tables[0].name).toBe("streaming_views");
        }),
        { numRuns: 200 },
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("should be accepted, and so should the entry, whatever the path and the options", () => {
    const path = fc
      .string({ unit: "grapheme", minLength: 1 })
      .filter((text) => text.trim() !== "" && !text.includes("\0"))
      .map((text) => `/srv/${text.replaceAll("/", "_")}${"$"}{x}.csv`);
    const options = fc.record(
      {
        delimiter: fc.constantFrom(",", ";", "\t", "|"),
        quoteEscape: fc.constant("\\"),
        encoding: fc.constantFrom("windows-1252" as const, "utf-16" as const),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(path, options, (path, options) => {
        const text = withEntry(
          "source:\n  a_film: x.csv\n",
          "streaming_views",
          entryOf(path, undefined, options),
        );
        const contract = readContract(contractText(views), "streaming_views");
        const { sources } = loadPipeline(text, {
          file: "pipeline.yaml",
          baseFolder: "/home/me",
          env: {},
          contracts: new Map([[contract.name, contract]]),
        });
        const added = sources.find(({ name }) => name === "streaming_views");
        expect(added).toMatchObject({ contract, options, usualFormat: "csv" });
        expect(added?.paths).toHaveLength(1);
      }),
    );
  });
});

describe("the staging model", () => {
  const sql = stagingSql(views);

  it("should read the rows that count, under quoted names", () => {
    expect(sql).toContain("committed_rows(");
    expect(sql).toContain("source_name='streaming_views'");
    expect(sql).toContain(`'"film"': '"film"',`);
  });

  it("should trim first and cast then, never throwing", () => {
    expect(sql).toContain(`{{ blank_to_null('"views"') }} as "views"`);
    expect(sql).toContain(`try_cast("week" as date) as "week"`);
    expect(sql).toContain(`try_cast("views" as bigint) as "views"`);
    expect(sql).toMatch(
      /try_cast\(replace\(regexp_replace\("seen_at", .*\) as timestamp\(6\)\) as "seen_at"/,
    );
    expect(sql).not.toMatch(/[^_]cast\("/);
  });

  it("should say which values did not survive", () => {
    expect(sql).toContain(`if("views" is not null and try_cast("views" as bigint) is null, 'views')`);
    expect(sql).not.toContain(`'film')`);
    expect(stagingSql(newSource(["film"]))).toContain("cast(array[] as array(varchar)) as failed_casts");
  });

  it("should keep lineage and load order", () => {
    const [, , , cleaned = ""] = sql.split(/^\w+ as \(|with source as \(/m);
    for (const column of ["load_order", "_source_file", "_row_number", "_batch_id"])
      expect(cleaned).toContain(column);
  });

  it("should hold any name", () => {
    const text = stagingSql(newSource(["order", `a"b`, "it's", "back\\slash", "two\nlines", "{{ x }}"]));
    for (const part of [
      `'"order"'`,
      `'"a""b"': '"a_b"'`,
      `'"it\\'s"': '"it_s"'`,
      `'"back\\\\slash"'`,
      `'"two\\nlines"'`,
    ])
      expect(text).toContain(part);
    expect(text).toContain(`'"{{ x }}"': '"x"'`);
  });

  it("should be described and tested, what was only proposed as warnings", () => {
    const [model] = parse(stagingYml(views)).models;
    expect(model.name).toBe("stg_streaming_views");
    expect(model.description).toContain("bronze.streaming_views");
    expect(model.data_tests).toEqual([{ survives_its_casts: { config: { severity: "warn" } } }]);
    const week = model.columns.find(({ name }: { name: string }) => name === "week");
    expect(week.data_tests).toEqual([
      { not_null: { config: { severity: "warn" } } },
      {
        is_in_range: {
          arguments: { least: "date '2024-01-01'", greatest: "date '2024-01-08'" },
          config: { severity: "warn" },
        },
      },
    ]);
    for (const column of model.columns) expect(column.description).toBeTruthy();
  });

  it("should have all columns that its yml describes", () => {
    const [model] = parse(stagingYml(views)).models;
    for (const { name } of model.columns) expect(sql).toMatch(new RegExp(`["\\s]${name}\\b`));
  });
});
