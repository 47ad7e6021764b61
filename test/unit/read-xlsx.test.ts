/** What stands in a workbook's XML, and what must come out of it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isDateFormat } from "../../ingest/src/read/xlsx-workbook.ts";
import { deliver } from "../fixtures/delivery.ts";
import { type Cell, number, text, workbook } from "../fixtures/workbook.ts";

const shared = (index: number): Cell => ({ type: "s", value: String(index) });
const rowsOf = async (content: Buffer) => (await deliver("xlsx", content)).rows;

describe("texts that cells share", () => {
  it.each([
    [
      "runs, without how they are pronounced",
      "<r><t>千と</t></r><r><t>千尋</t></r><rPh><t>セン</t></rPh>",
      "千と千尋",
    ],
    ["blanks", '<t xml:space="preserve"> a </t>', " a "],
    ["entities, those of rare signs too", "<t>&lt;a&#x20;&amp; &#128512;&gt;</t>", "<a & 😀>"],
    ["CDATA", "<t>a<![CDATA[<b>&amp;]]>c</t>", "a<b>&amp;c"],
    ["what XML cannot hold", "<t>a_x000D_b_x005F_x0041_</t>", "a\rb_x0041_"],
    ["nothing", "<t/>", null],
  ])("should be read with %s", async (_, item, expected) => {
    const content = workbook(
      {
        a: [
          [text("n"), text("t")],
          [number("1"), shared(1)],
        ],
      },
      { texts: `<si><t>other</t></si><si>${item}</si>` },
    );
    expect(await rowsOf(content)).toEqual([[1, "1", expected]]);
  });

  it("should reject the row of one that has half of a surrogate pair", async () => {
    const content = workbook({ a: [[text("t")], [shared(0)]] }, { texts: "<si><t>a_xD83D_</t></si>" });
    const { rows, rejects } = await deliver("xlsx", content);
    expect(rows).toEqual([]);
    expect(rejects).toEqual([[1, 2, "invalid_unicode", '["a\\ud83d"]']]);
  });

  it("should be refused where a cell names one that is not there", async () => {
    const content = workbook({ a: [[text("t")], [shared(7)]] }, { texts: "<si><t>a</t></si>" });
    await expect(deliver("xlsx", content)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining("row 2, column 1 has 7"),
    });
  });
});

describe("a sheet", () => {
  it("should be read whatever prefix its tags have, and without addresses", async () => {
    const sheet = `<x:worksheet xmlns:x="m"><x:sheetData>
      <x:row><x:c t="inlineStr"><x:is><x:t>a</x:t></x:is></x:c><x:c t="str"><x:v>b</x:v></x:c></x:row>
      <x:row r="4"><x:c r="B4"><x:f>1+1</x:f><x:v>2</x:v></x:c></x:row><x:row><x:c><x:v>3</x:v></x:c></x:row>
      </x:sheetData><x:extra><x:c><x:v>9</x:v></x:c></x:extra></x:worksheet>`;
    const { columns, rows } = await deliver("xlsx", workbook({ a: sheet }));
    expect(columns).toEqual(["a", "b"]);
    expect(rows).toEqual([
      [1, null, "2"],
      [2, "3", null],
    ]);
  });

  it("should keep the cells of a row that is wider than the header", async () => {
    const { columns, rows } = await deliver(
      "xlsx",
      workbook({ a: [[text("a")], [number("1"), number("2")]] }),
    );
    expect(columns).toHaveLength(2);
    expect(rows).toEqual([[1, "1", "2"]]);
  });

  it.each([
    ["rows out of order", '<row r="2"/><row r="1"/>', "row 1 stands behind row 2"],
    ["cells out of order", '<row r="1"><c r="B1"/><c r="A1"/></row>', "cell A1 of row 1 is out of its place"],
    ["a type that is none", '<row r="1"><c r="A1" t="x"><v>1</v></c></row>', "its type x has no such value"],
    ["a tag that is not closed", '<row r="1"><c r="A1">', "closing tag mismatch"],
    ["bytes that are no UTF-8", "é", "bytes that are no UTF-8"],
  ])("should be refused with %s", async (_, inner, says) => {
    const xml = `<worksheet><sheetData>${inner}</sheetData></worksheet>`;
    const content = workbook({ a: says.includes("UTF-8") ? Buffer.from(xml, "latin1") : xml });
    await expect(deliver("xlsx", content)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining(says),
      next: expect.stringContaining("CSV"),
    });
  });
});

describe("a sheet of too many columns", () => {
  it("should be refused at the first cell that is too far to the right, before rows are as long as that", async () => {
    const xml = '<worksheet><sheetData><row r="1"><c r="XFD1"><v>1</v></c></row></broken>';
    await expect(deliver("xlsx", workbook({ a: xml }))).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining("more than 1000 columns"),
    });
  });
});

describe("dates", () => {
  it("should be counted from 1904 where the workbook says so, and told as a number where they are none", async () => {
    const styles =
      '<numFmts><numFmt numFmtId="164" formatCode="yyyy&quot;年&quot;m"/></numFmts><cellXfs><xf/><xf numFmtId="164"/></cellXfs>';
    const cells: Cell[][] = [
      [text("day")],
      [{ style: 1, value: "43890.5" }],
      [{ style: 1, value: "1e9" }],
      [{ type: "inlineStr", value: "x", style: 1 }],
    ];
    const content = workbook({ a: cells }, { styles, properties: '<workbookPr date1904="1"/>' });
    expect(await rowsOf(content)).toEqual([
      [1, "2024-03-01 12:00:00"],
      [2, "1e9"],
      [3, "x"],
    ]);
  });

  it.each([
    ["yyyy-mm-dd", true],
    ["[$-409]d mmm yyyy;@", true],
    ['d"st of "mmmm', true],
    ["[h]:mm:ss.000", true],
    ["h:mm AM/PM", true],
    ["yyyymmdd", true],
    ["General", false],
    ["0.00E+00", false],
    ["#,##0.00 [$€-407];[Red]-#,##0.00 [$€-407]", false],
    ['0 "days"', false],
    ["@", false],
    ["", false],
  ])("should be told from numbers by their format: %s", (code, expected) => {
    expect(isDateFormat(code)).toBe(expected);
  });
});

describe("a large workbook", () => {
  it("should be read in little memory, whatever its size", async () => {
    const folder = mkdtempSync(join(tmpdir(), "reelhouse-test-"));
    const rowCount = 40_000;
    const cells = ["A", "B", "C", "D"].map(
      (letter) => `<c r="${letter}0" t="str"><v>${letter.repeat(600)}</v></c>`,
    );
    const rows = Array.from({ length: rowCount }, (_, row) => cells.join("").replaceAll('0"', `${row + 1}"`));
    const xml = `<worksheet><sheetData>${rows.map((row) => `<row>${row}</row>`).join("\n")}</sheetData></worksheet>`;
    const file = join(folder, "large.xlsx");
    writeFileSync(file, workbook({ a: xml }));
    try {
      const reader = join(import.meta.dirname, "../fixtures/memory-of-reading.ts");
      const { stdout, stderr } = spawnSync(process.execPath, [reader, "xlsx", file], { encoding: "utf8" });
      expect(stderr).toBe("");
      const { rowsRead, megabytes } = JSON.parse(stdout);
      expect(rowsRead).toBe(rowCount - 1);
      expect(xml.length / 1e6).toBeGreaterThan(90);
      expect(megabytes).toBeLessThan(80);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
