/** Parquet and Excel: formats that are no text. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDuckDB } from "../../ingest/src/duckdb.ts";
import { deliver } from "../fixtures/delivery.ts";
import { createLoader, inShort, type Loader } from "../fixtures/load.ts";
import { claiming, date, number, streamed, text, workbook } from "../fixtures/workbook.ts";

const folder = mkdtempSync(join(tmpdir(), "reelhouse-test-"));
let loader: Loader;
beforeAll(async () => {
  loader = await createLoader();
});
afterAll(async () => {
  await loader.close();
  rmSync(folder, { recursive: true });
});

async function parquetOf(query: string): Promise<Buffer> {
  const instance = await openDuckDB(folder);
  const connection = await instance.connect();
  await connection.run(`COPY (${query}) TO '${join(folder, "made.parquet")}' (FORMAT parquet)`);
  instance.closeSync();
  return readFileSync(join(folder, "made.parquet"));
}

describe("parquet", () => {
  it("should give each type's text", async () => {
    const content =
      await parquetOf(`SELECT 'é, "x"' AS "Title", 12345678901234567890::HUGEINT::DECIMAL(20, 0) AS big,
      9.50::DECIMAL(4, 2) AS score, 0.1::DOUBLE AS half, true AS flag, DATE '2024-03-01' AS day,
      TIMESTAMPTZ '2024-03-01 12:30:00+02' AS time, [1, 2] AS list, {a: 'x'} AS struct, 'text'::BLOB AS bytes,
      '\\xFF'::BLOB AS more, NULL AS nothing, '' AS blank, 9007199254740993::BIGINT AS id`);
    const expected = {
      columns: "title big score half flag day time list struct bytes more nothing blank id".split(" "),
      rows: [
        [
          ...[
            1,
            'é, "x"',
            "12345678901234567890",
            "9.50",
            "0.1",
            "true",
            "2024-03-01",
            "2024-03-01 10:30:00+00",
          ],
          ...["[1,2]", '{"a":"x"}', "text", "\\xFF", null, "", "9007199254740993"],
        ],
      ],
      rejects: [],
    };
    expect(await deliver("parquet", content)).toEqual(expected);
    expect(inShort(await loader.load("parquet", content))).toEqual(expected);
  });

  it("should keep the order and the count of many rows, and reject what is too long", async () => {
    const content = await parquetOf(
      "SELECT i AS n, CASE WHEN i = 7 THEN repeat('é', 20) ELSE 'x' END AS t FROM range(1, 300001) AS r(i)",
    );
    const { rows, rejects } = await deliver("parquet", content, { maximumRecordLength: 30 });
    expect(rejects).toEqual([[7, 7, "record_too_long", `["7","${"é".repeat(12)}`]]);
    expect(rows).toHaveLength(299_999);
    expect(rows.every(([rowNumber, n]) => String(rowNumber) === n)).toBe(true);
  });

  it("should tell how far it is, as a share of its rows", async () => {
    const content = await parquetOf("SELECT i AS n FROM range(100000) AS r(i)");
    const told: number[] = [];
    await deliver("parquet", content, { onBytes: (bytes) => void told.push(bytes) });
    expect(told).toEqual(told.toSorted((left, right) => left - right));
    expect(new Set(told).size).toBeGreaterThan(10);
    expect(told.at(-1)).toBe(content.length);
  });

  it("should take the character NUL for damage, as every format does, and bytes with it for bytes", async () => {
    const content = await parquetOf(
      "SELECT * FROM (VALUES ('a' || chr(0), 'x'::BLOB), ('b', '\\x00\\x01'::BLOB)) AS t(text, bytes)",
    );
    const { rows, rejects } = await deliver("parquet", content);
    expect(rows).toEqual([[2, "b", "\\x00\\x01"]]);
    expect(rejects).toEqual([[1, 1, "invalid_unicode", '["a\\u0000","x"]']]);
  });

  it("should name columns of the same name as CSV does", async () => {
    const folded = await parquetOf("SELECT 1 AS a, 2 AS b, {a: 3} AS s");
    // DuckDB writes no two columns of one name: the letters are changed in place, in the data and in the footer.
    const content = Buffer.from(folded.toString("latin1").replaceAll("\x01b", "\x01a"), "latin1");
    const { columns, rows } = await deliver("parquet", content);
    expect(columns).toEqual(["a", "a_2", "s"]);
    expect(rows).toEqual([[1, "1", "2", '{"a":3}']]);
  });

  it("should take a file for the one that it is, whatever its name would match", async () => {
    // the name is that of a pattern; another file would match it
    const content = await parquetOf("SELECT 1 AS a");
    expect((await deliver("parquet", content, {}, "[x]q.parquet")).rows).toEqual([[1, "1"]]);
    expect((await deliver("parquet", content, {}, "year=2010.parquet")).columns).toEqual(["a"]);
  });

  it("should refuse a file that is cut off, or no Parquet", async () => {
    const content = await parquetOf("SELECT i AS n FROM range(1000) AS r(i)");
    for (const broken of [content.subarray(0, -20), Buffer.from("a,b\n1,2\n"), Buffer.from("PAR1")])
      await expect(deliver("parquet", broken)).rejects.toMatchObject({
        exitCode: 3,
        message: expect.stringMatching(
          /^\/deliveries\/films\.parquet: no complete Parquet file, (?!.*\/dev\/fd)/,
        ),
      });
  });
});

describe("xlsx", () => {
  const films = [
    [text("Title"), text(" Year "), text("score"), text("seen")],
    [text('Amélie, "x"'), number("2001"), number("9.0"), date("45352.5208333333")],
    [],
    [text(" 千と千尋 "), undefined, number("12345678901234567890"), date("45352")],
    [
      { type: "str", value: "last <result>" },
      { type: "b", value: "1" },
      { type: "e", value: "#N/A" },
      text("7"),
    ],
  ] as const;
  const sheets = { Films: films.map((row) => [...row]), Other: [[text("a")], [number("1")]] };
  const rows = [
    [1, 'Amélie, "x"', "2001", "9.0", "2024-03-01 12:30:00"],
    [2, " 千と千尋 ", null, "12345678901234567890", "2024-03-01"],
    [3, "last <result>", "TRUE", null, "7"],
  ];

  const bomb = workbook({ a: [[text("x".repeat(210_000_000))]] });
  const tooLong =
    /^\/deliveries\/films\.xlsx: no Excel workbook .* a text or a tag of more than 4194304 signs/;

  it("should give the cells of a workbook that was packed as a stream", async () => {
    expect((await deliver("xlsx", streamed(workbook(sheets)))).rows).toEqual(rows);
  });

  it("should give the first sheet's cells as they are spelled", async () => {
    const expected = { columns: ["title", "year", "score", "seen"], rows, rejects: [] };
    expect(await deliver("xlsx", workbook(sheets))).toEqual(expected);
    expect(inShort(await loader.load("xlsx", workbook(sheets)))).toEqual(expected);
  });

  it("should give early dates as Excel shows them, whose 1900 has a day too many", async () => {
    const days = [1, 58.5, 59, 61].map((day) => [date(String(day))]);
    const { rows } = await deliver("xlsx", workbook({ a: [[text("day")], ...days] }));
    expect(rows.map(([, day]) => day)).toEqual([
      ...["1900-01-01", "1900-02-27 12:00:00", "1900-02-28", "1900-03-01"],
    ]);
  });

  it("should give another sheet by its name, also without a header", async () => {
    const header = { columns: ["a"], rows: [[1, "1"]], rejects: [] };
    expect(await deliver("xlsx", workbook(sheets), { sheet: "Other" })).toEqual(header);
    const options = { sheet: "Other", header: false, columns: ["b"] };
    const expected = {
      columns: ["b"],
      rows: [
        [1, "a"],
        [2, "1"],
      ],
      rejects: [],
    };
    expect(await deliver("xlsx", workbook(sheets), options)).toEqual(expected);
  });

  it.each(["directory", "heads"] as const)(
    "should believe no size that is claimed in its %s",
    async (where) => {
      const claims = claiming(workbook(sheets), where, 2_000_000_000);
      expect((await deliver("xlsx", claims)).rows).toEqual(rows);
    },
  );

  it.each([
    {
      what: "a sheet that is not there",
      content: workbook(sheets),
      options: { sheet: "Film" },
      says: /no sheet Film/,
    },
    { what: "an empty sheet", content: workbook({ a: [] }), options: {}, says: /no header/ },
    { what: "no workbook", content: Buffer.from("a,b\n"), options: {}, says: /no Excel workbook/ },
    {
      what: "half a workbook",
      content: workbook(sheets).subarray(0, 900),
      options: {},
      says: /no Excel workbook/,
    },
    {
      what: "a workbook with other content than was packed",
      content: claiming(workbook(sheets), "checksum", 1),
      options: {},
      says: /no Excel workbook .*is damaged, its checksum is another one/,
    },
    { what: "a workbook that would fill the memory", content: bomb, options: {}, says: tooLong },
    {
      what: "one whose directory says that it is small",
      content: claiming(bomb, "directory", 10),
      options: {},
      says: tooLong,
    },
    {
      what: "one that says nowhere what it is",
      content: claiming(claiming(bomb, "directory", 10), "heads", 10),
      options: {},
      says: tooLong,
    },
    {
      what: "one that was packed as a stream, whose directory says that it is small",
      content: claiming(streamed(bomb), "directory", 10),
      options: {},
      says: tooLong,
    },
  ])("should refuse $what", async ({ content, options, says }) => {
    const refusal = { exitCode: 3, message: expect.stringMatching(says), next: expect.any(String) };
    await expect(deliver("xlsx", content, options)).rejects.toMatchObject(refusal);
  });
});
