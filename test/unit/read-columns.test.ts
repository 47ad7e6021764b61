import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bronzeColumnNames, lineageColumns } from "../../ingest/src/read/column-names.ts";
import { checkColumns, loadContracts } from "../../ingest/src/read/contract.ts";
import { formatNames } from "../../ingest/src/read/formats.ts";
import { nearestName } from "../../ingest/src/read/nearest.ts";

describe("bronzeColumnNames", () => {
  it.each([
    { rule: "trim and lower-case", header: [" Movie Title ", "YEAR"], names: ["movie title", "year"] },
    { rule: "name blanks by position", header: ["a", "", " "], names: ["a", "column_2", "column_3"] },
    { rule: "count repeated names", header: ["a", "A", "a "], names: ["a", "a_2", "a_3"] },
    { rule: "count on if a counted name is taken", header: ["a", "a", "a_2"], names: ["a", "a_2", "a_2_2"] },
    { rule: "count on if a position is taken", header: ["column_2", ""], names: ["column_2", "column_2_2"] },
    {
      rule: "keep lineage columns apart",
      header: ["_source_file", "_Row_Number", "_batch_id", "_ingested_at", "_other"],
      names: ["source_source_file", "source_row_number", "source_batch_id", "source_ingested_at", "_other"],
    },
    {
      rule: "count if a lineage name's other name is taken",
      header: ["source_row_number", "_row_number"],
      names: ["source_row_number", "source_row_number_2"],
    },
  ])("should $rule", ({ header, names }) => {
    expect(bronzeColumnNames(header)).toEqual(names);
  });

  it("should answer unique names that it does not change again", () => {
    const name = fc.constantFrom(
      "a",
      "A ",
      "a_2",
      "",
      "column_2",
      "column_2_2",
      ...lineageColumns,
      "source_batch_id",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(name, fc.string({ unit: "grapheme" }))), (header) => {
        const names = bronzeColumnNames(header);
        expect(new Set([...names, ...lineageColumns]).size).toBe(header.length + lineageColumns.length);
        expect(bronzeColumnNames(names)).toEqual(names);
      }),
    );
  });
});

describe("contracts", () => {
  const contracts = loadContracts();
  const file = { path: "/host/data/critics.csv", hostPath: "/data/critics.csv" };
  const critics = contracts.get("critic_agg") ?? expect.fail("no contract critic_agg");
  const names = critics.columns.map(({ name }) => name);

  it("should know the five sources, in full and with names as bronze spells them", () => {
    expect([...contracts.keys()]).toEqual([
      "audience_pulse",
      "box_office_domestic",
      "box_office_financials",
      "box_office_international",
      "critic_agg",
    ]);
    for (const { name, key, format, columns } of contracts.values()) {
      expect(key.replace(".", "_")).toBe(name);
      if (format !== undefined) expect(formatNames).toContain(format);
      const columnNames = columns.map((column) => column.name);
      expect(bronzeColumnNames(columnNames)).toEqual(columnNames);
      expect(columns.every(({ required }) => required === true)).toBe(true);
    }
  });

  it("should keep unexpected columns, in any order", () => {
    expect(checkColumns(critics, ["extra", ...names.toReversed(), "more"], file)).toEqual(["extra", "more"]);
  });

  it("should miss nothing in a file without columns", () => {
    expect(checkColumns(critics, [], file)).toEqual([]);
  });

  it("should name what is missing, what is there and what was probably renamed", () => {
    const found = ["title", "release_year", "critic_score_pct", "top_critic_score", "studio"];
    expect(() => checkColumns(critics, found, file)).toThrow(
      expect.objectContaining({
        exitCode: 3,
        message:
          "/data/critics.csv:1: missing columns movie_title (renamed to title?), critic_score_percentage " +
          "(renamed to critic_score_pct?), total_critic_reviews_counted: expected movie_title, release_year, " +
          "critic_score_percentage, top_critic_score, total_critic_reviews_counted, found title, release_year, " +
          "critic_score_pct, top_critic_score, studio",
        next: expect.stringContaining("correct the names"),
      }),
    );
  });

  it("should see that a file is separated by something else", () => {
    const next = expect.stringContaining('delimiter: ";"');
    expect(() => checkColumns(critics, [names.join(";")], file)).toThrow(expect.objectContaining({ next }));
  });
});

describe("nearestName", () => {
  it.each([
    ["critic_ag", "critic_agg"],
    ["audience", "audience_pulse"],
    ["box_office_domestic", "box_office.domestic"],
    ["weather", undefined],
  ])("should take %s for %s", (name, nearest) => {
    expect(nearestName(name, ["audience_pulse", "critic_agg", "box_office.domestic"])).toBe(nearest);
  });
});
