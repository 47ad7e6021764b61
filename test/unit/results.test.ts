/** Query results as text. */
import { describe, expect, it } from "vitest";
import { csvLine } from "../../ingest/src/results/csv.ts";
import { resultFormats } from "../../ingest/src/results/formats.ts";
import type { Cell, Table } from "../../ingest/src/trino.ts";

const columns = [
  { name: "title", type: "varchar" },
  { name: "gross", type: "bigint" },
];

async function text(format: keyof typeof resultFormats, ...pages: Cell[][][]): Promise<string> {
  async function* tables(): AsyncGenerator<Table> {
    yield { columns, rows: [] };
    for (const rows of pages) yield { columns, rows };
  }
  let all = "";
  for await (const part of resultFormats[format].encode(tables())) all += part;
  return all;
}

describe("csv", () => {
  it("should always have its header, once", async () => {
    expect(await text("csv")).toBe("title,gross\n");
    expect(await text("csv", [["a", 1]], [["b", 2]])).toBe("title,gross\na,1\nb,2\n");
  });

  it("should tell null from the empty string and quote as RFC 4180 says", () => {
    expect(csvLine([null, "", 'a "b"', "a,b", "a\nb", "a\rb", " a "])).toBe(
      ',"","a ""b""","a,b","a\nb","a\rb", a \n',
    );
  });

  it("should keep the digits of a bigint and the JSON of a nested value", () => {
    expect(csvLine([9223372036854775807n, [1, 2n ** 62n], true])).toBe(
      '9223372036854775807,"[1,4611686018427387904]",true\n',
    );
  });
});

describe("json", () => {
  it("should be an array of objects, also when it is empty", async () => {
    expect(JSON.parse(await text("json"))).toEqual([]);
    expect(JSON.parse(await text("json", [["a", 1]], [["b", null]]))).toEqual([
      { title: "a", gross: 1 },
      { title: "b", gross: null },
    ]);
  });
});

describe("table", () => {
  it("should align numbers to the right and wide characters to their width", async () => {
    expect(
      await text("table", [
        ["千と", 5],
        ["Up", 1234],
      ]),
    ).toBe("title | gross\n------+------\n千と  |     5\nUp    |  1234\n(2 rows)\n");
  });

  it("should keep a line on one line", async () => {
    expect(await text("table", [["a\nb", null]])).toContain("a\\nb  |");
  });
});
