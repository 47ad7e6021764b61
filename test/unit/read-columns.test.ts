import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bronzeColumnNames, lineageColumns } from "../../ingest/src/read/column-names.ts";
import { loadContracts } from "../../ingest/src/read/contract.ts";
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
