import { describe, expect, it } from "vitest";
import { proposeColumns, stagingNames } from "../../ingest/src/add/propose.ts";
import { nearType, rangeOf, type TypeName, typeOf } from "../../ingest/src/add/types.ts";

/** What is proposed for one column that has these values. */
function proposed(values: (string | null)[]) {
  const [column] = proposeColumns(
    ["value"],
    values.map((value) => [value]),
  );
  return column ?? expect.fail("no column");
}

describe("the type of a column", () => {
  const cases: [string, TypeName, string[]][] = [
    ["whole numbers", "bigint", ["0", "-7", "9223372036854775807", "-9223372036854775808"]],
    [
      "a number too large for a bigint, with too many digits for a double",
      "varchar",
      ["9223372036854775808"],
    ],
    ["leading zeros", "varchar", ["007", "012"]],
    ["a leading zero among numbers", "varchar", ["7", "08"]],
    ["a plus", "varchar", ["+7"]],
    ["decimals", "double", ["1.50", "-0.5", "2", "1e3", "2.5E-7"]],
    ["a decimal with more digits than a double keeps", "varchar", ["0.1234567890123456"]],
    ["small decimals, whose leading zeros are no digits", "double", ["0.0000000000000001"]],
    ["a number that is infinite as a double", "varchar", ["1e999"]],
    ["thousands, money and percent", "varchar", ["1,234", "$5", "7 %"]],
    ["days", "date", ["2024-02-29", "1999-12-31"]],
    ["a day that no year has", "varchar", ["2024-02-30"]],
    ["a day that this year has not", "varchar", ["2023-02-29"]],
    ["days in another order", "varchar", ["31.12.1999"]],
    ["a year alone", "bigint", ["1999", "2024"]],
    ["times", "timestamp", ["2024-01-01 10:00", "2024-01-01T10:00:00.123456"]],
    ["times in UTC", "timestamp", ["2024-01-01T10:00:00Z", "2024-01-01 10:00:00+00"]],
    ["times of another zone", "varchar", ["2024-01-01T10:00:00+02:00"]],
    ["a time that no day has", "varchar", ["2024-01-01 25:00:00"]],
    ["days and times", "varchar", ["2024-01-01", "2024-01-01 10:00:00"]],
    ["truth values", "boolean", ["true", "FALSE", "t"]],
    ["yes and no", "varchar", ["yes", "no"]],
    ["zeros and ones", "bigint", ["0", "1"]],
    ["mixed", "varchar", ["1", "true", "2024-01-01"]],
    ["nothing", "varchar", []],
  ];
  it.each(cases)("should be, for %s, %s", (_, type, values) => expect(typeOf(values)).toBe(type));

  it("should be told where nearly all values have one", () => {
    const numbers = Array.from({ length: 19 }, (_, index) => String(index));
    expect(nearType([...numbers, "n/a"])).toEqual({ type: "bigint", others: ["n/a"] });
    expect(nearType(["1", "n/a"])).toBeUndefined();
    expect(proposed([...numbers, "n/a"]).evidence).toContain("text, not bigint, because of 1 such as n/a");
  });
});

describe("the range of a column", () => {
  it.each<[TypeName, string[], [string, string] | undefined]>([
    ["bigint", ["10", "9", "-2", "9223372036854775807"], ["-2", "9223372036854775807"]],
    ["double", ["10.5", "9", "-0.25"], ["-0.25", "10.5"]],
    ["date", ["2024-01-10", "2023-12-31"], ["2023-12-31", "2024-01-10"]],
    [
      "timestamp",
      ["2024-01-01T10:00:00Z", "2024-01-01 09:59:59.5"],
      ["2024-01-01 09:59:59.5", "2024-01-01 10:00:00"],
    ],
    ["boolean", ["true", "false"], undefined],
    ["varchar", ["a", "b"], undefined],
  ])("should be the least and the greatest %s", (type, values, expected) => {
    const range = rangeOf(type, values);
    expect(range && [range.least, range.greatest]).toEqual(expected);
  });
});

describe("a column", () => {
  it("should be required when no row lacks it", () => {
    expect(proposed(["1", "2"]).required).toBe(true);
    expect(proposed(["1", null]).required).toBe(false);
    expect(proposed(["1", " \u00a0"]).required).toBe(false);
  });

  it("should be judged without outer blanks, as the model casts it", () => {
    expect(proposed([" 1 ", "\u00a02\t"])).toMatchObject({
      type: "bigint",
      range: { least: "1", greatest: "2" },
    });
  });

  it("should be optional text when it has no value, or the file no row", () => {
    expect(proposed(["", null])).toMatchObject({
      required: false,
      type: "varchar",
      range: undefined,
      evidence: "0 of 2 rows have a value",
    });
    expect(proposed([])).toMatchObject({
      required: false,
      type: "varchar",
      evidence: "0 of 0 rows have a value",
    });
  });

  it("should carry its evidence", () => {
    const rows = Array.from({ length: 1000 }, (_, index) => String(index + 1));
    expect(proposed(rows).evidence).toBe(
      "1,000 of 1,000 rows have a value; least 1, greatest 1,000; such as 1, 2, 3".replace("1,000;", "1000;"),
    );
  });

  it("should show examples that no comment and no template can trip over", () => {
    const { evidence } = proposed(["{{ boom }}", "{% x %}", `a\nb\u2028${"y".repeat(50)}`]);
    expect(evidence).not.toMatch(/[\n\u2028]|\{\{|\{%|\{#|\}\}|%\}/);
    expect(evidence.length).toBeLessThan(150);
  });
});

describe("the names of a staging model", () => {
  it.each([
    [
      ["film", "order", "größe", "1st"],
      ["film", "order", "größe", "1st"],
    ],
    [
      ["first week", 'a"b', "it's", "{{ x }}"],
      ["first_week", "a_b", "it_s", "x"],
    ],
    [
      ["first week", "first_week"],
      ["first_week_2", "first_week"],
    ],
    [
      ["a b", "a-b", "!"],
      ["a_b", "a_b_2", "column_3"],
    ],
    [
      ["load_order", "failed_casts", "load order"],
      ["source_load_order", "source_failed_casts", "source_load_order_2"],
    ],
  ])("should be safe, unique and its own: %j", (columns, names) => {
    expect(stagingNames(columns)).toEqual(names);
  });
});
