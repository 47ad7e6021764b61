/** What stands in a workbook's XML, and what must come out of it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { kindOfFormat } from "../../ingest/src/read/xlsx-formats.ts";
import { readXml, type XmlListener } from "../../ingest/src/read/xml.ts";
import { deliver } from "../fixtures/delivery.ts";
import { type Cell, commented, date, number, repacked, text, workbook } from "../fixtures/workbook.ts";

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

  it.each([
    ["little", (xml: Buffer) => xml],
    ["big", (xml: Buffer) => xml.swap16()],
  ])("should be read as UTF-16 with its byte order mark, %s endian", async (_, ordered) => {
    const cells = '<row><c t="str"><v>n</v></c></row><row><c t="str"><v>é😀</v></c></row>';
    const xml = `\ufeff<?xml version="1.0" encoding="UTF-16"?><worksheet><sheetData>${cells}</sheetData></worksheet>`;
    expect(await rowsOf(workbook({ a: ordered(Buffer.from(xml, "utf16le")) }))).toEqual([[1, "é😀"]]);
  });

  it.each([
    ["a text in the place of numbers", '<c t="inlineStr"><v>a</v></c>', "a"],
    ["a text without a type", "<c><is><t>a</t></is></c>", "a"],
    ["an extension", '<c t="str"><v>a</v><extLst><ext><x:v>b</x:v><t>c</t></ext></extLst></c>', "a"],
    ["blanks around a number", "<c><v>\n 5.0\n</v></c>", "5.0"],
    ["line breaks of Windows", '<c t="str"><v>a\r\nb<![CDATA[\r]]>&#13;</v></c>', "a\nb\n\r"],
    ["a day by its name", '<c t="d"><v>2024-03-01T12:30:00</v></c>', "2024-03-01 12:30:00"],
    ["what is no such day", '<c t="d"><v>5</v></c>', "5"],
  ])("should be read with %s", async (_, cell, expected) => {
    const xml = `<worksheet><sheetData><row><c t="str"><v>n</v></c></row><row>${cell}</row></sheetData></worksheet>`;
    expect(await rowsOf(workbook({ a: xml }))).toEqual([[1, expected]]);
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
    [
      "a tag that is not closed",
      '<row r="7"><c r="A7">',
      "sheet1.xml, row 7 or behind it: closing tag mismatch",
    ],
    ["a row in a row", '<row r="1"><row r="2"/></row>', "row 2 stands in row 1"],
    ["a cell in no row", '<c r="A1"/>', "cell A1 of row 0 is out of its place"],
    ["a cell in a cell", '<row r="1"><c r="A1"><c r="B1"/></c></row>', "row 1, column 1 is not closed"],
    ["half of a text's number", '<row r="1"><c r="A1" t="s"><v>0.5</v></c></row>', "column 1 has 0.5"],
    ["tags without end", "<a>".repeat(2000), "more than 1000 tags inside one another"],
    [
      "a text in many pieces",
      `<row><c t="str"><v>${`${"x".repeat(4_000_000)}<!-- -->`.repeat(9)}`,
      "a text of more than 33554432 signs",
    ],
    ["bytes that are no UTF-8", "é", "bytes that are no UTF-8"],
  ])("should be refused with %s", async (_, inner, says) => {
    const xml = `<worksheet><sheetData>${inner}</sheetData></worksheet>`;
    const texts = "<si><t>a</t></si>";
    const content = workbook({ a: says.includes("UTF-8") ? Buffer.from(xml, "latin1") : xml }, { texts });
    await expect(deliver("xlsx", content)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining(says),
      next: expect.stringContaining("CSV"),
    });
  });
});

describe("the XML of a workbook", () => {
  const xml = Buffer.from(
    `<a b='1>2' c="&lt;>"><!-- > <d> --><e f=">"/>é😀&amp;<![CDATA[<g>]]] ]] > ]]>\r\n<h i="1>2"\n/></a>\n`,
  );

  async function eventsOf(...chunks: Buffer[]): Promise<string[]> {
    const events: string[] = [];
    const open = (name: string, attributes: () => Record<string, string>) =>
      events.push(`<${name} ${JSON.stringify(attributes())}`);
    const text = (found: string) => events.push(found);
    const listener = { open, close: (name: string) => events.push(`/${name}`), text };
    for await (const _ of readXml(Readable.from(chunks), listener as XmlListener));
    return events;
  }

  it("should be read alike wherever a chunk of it ends", async () => {
    const whole = await eventsOf(xml);
    expect(whole).toContain('<a {"b":"1>2","c":"&lt;>"}');
    for (let end = 2; end < xml.length; end++)
      expect(await eventsOf(xml.subarray(0, end), xml.subarray(end)), `cut at ${end}`).toEqual(whole);
  });
});

describe("the archive of a workbook", () => {
  const plain = workbook({ a: [[text("a")], [number("1")]] });
  const named = (change: (name: string) => string) =>
    repacked(plain, (files) =>
      Object.fromEntries(Object.entries(files).map(([name, xml]) => [change(name), xml])),
    );
  const targeted = (target: string) =>
    repacked(plain, (files) => {
      const path = "xl/_rels/workbook.xml.rels";
      return { ...files, [path]: `${files[path]}`.replace("worksheets/sheet1.xml", target) };
    });
  const elsewhere = repacked(plain, ({ "xl/workbook.xml": book = "", ...files }) => ({
    ...files,
    "_rels/.rels": `${files["_rels/.rels"]}`.replace("xl/workbook.xml", "/xl/book2.xml"),
    "xl/book2.xml": book,
    "xl/_rels/book2.xml.rels": files["xl/_rels/workbook.xml.rels"] ?? "",
  }));

  it.each([
    ["names with the slash of Windows", named((name) => name.replaceAll("/", "\\"))],
    ["names in other capitals", named((name) => name.replace("sheet1", "Sheet1"))],
    ["an address from the top", targeted("/xl/worksheets/sheet1.xml")],
    ["a roundabout address", targeted("./../xl/worksheets/sheet1.xml")],
    ["the workbook in another place", elsewhere],
    ["a comment that looks like its end", commented(plain, `PK\u0005\u0006${"x".repeat(30)}`)],
    ["something appended", Buffer.concat([plain, Buffer.from("\r\n")])],
  ])("should be read with %s", async (_, content) => {
    expect(await rowsOf(content)).toEqual([[1, "1"]]);
  });

  it("should be refused where its end is said to be farther than a file can reach", async () => {
    const locator = Buffer.alloc(20, 0xff);
    locator.writeUInt32LE(0x07064b50);
    const end = Buffer.from(plain.subarray(-22));
    end.writeUInt16LE(0xffff, 10);
    await expect(
      deliver("xlsx", Buffer.concat([plain.subarray(0, -22), locator, end])),
    ).rejects.toMatchObject({ exitCode: 3, message: expect.stringContaining("it is cut off") });
  });

  it("should be refused without the styles that it names: its dates would be numbers", async () => {
    const content = repacked(plain, ({ "xl/styles.xml": _, ...files }) => files);
    await expect(deliver("xlsx", content)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining("xl/styles.xml is missing"),
    });
  });

  it("should be told from an old workbook, and from one with a password", async () => {
    const content = Buffer.concat([Buffer.from("d0cf11e0a1b11ae1", "hex"), Buffer.alloc(600)]);
    await expect(deliver("xlsx", content)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining("an old Excel workbook, or one with a password"),
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
    ["yyyy-mm-dd", "date"],
    ["[$-409]d mmm yyyy;@", "date"],
    ['d"st of "mmmm', "date"],
    ["yyyymmdd", "date"],
    ["mmm", "date"],
    ["mm", "date"],
    ["yyyy-mm-ddThh:mm:ss", "date"],
    ["[h]:mm:ss.000", "duration"],
    ["[mm]:ss", "duration"],
    ["h:mm AM/PM", "time"],
    ["mm:ss.0", "time"],
    ["General", "number"],
    ["0.00E+00", "number"],
    ["#,##0.00 [$€-407];[Red]-#,##0.00 [$€-407]", "number"],
    ['0 "days"', "number"],
    ["@", "number"],
    ["", "number"],
  ])("should be told from numbers by their format: %s", (code, expected) => {
    expect(kindOfFormat(code)).toBe(expected);
  });

  it("should be counted from 1904 though an extension of the workbook has properties of that name", async () => {
    const properties =
      '<workbookPr date1904="1"/><extLst><x15:workbookPr chartTrackingRefBase="1"/></extLst>';
    const content = workbook({ a: [[text("day")], [date("43890")]] }, { properties });
    expect(await rowsOf(content)).toEqual([[1, "2024-03-01"]]);
  });

  it.each([
    ["a time without a day", 20, "0.0729166666666667", "01:45:00"],
    ["a time whose format hides its day", 20, "45352.5", "2024-03-01 12:00:00"],
    ["a duration of more than a day", 46, "1.50347222222222", "36:05:00"],
    ["a day before the first one as its number", 14, "-1", "-1"],
    ["a number with a format of its own below the number of one that Excel knows", 50, "5", "5"],
    ["a number though a format that is applied by conditions has its number", 164, "5", "5"],
  ])("should be %s", async (_, format, value, expected) => {
    const styles = `<numFmts><numFmt numFmtId="50" formatCode="0.00"/><numFmt numFmtId="164" formatCode="0.0"/></numFmts>
      <cellXfs><xf/><xf numFmtId="${format}"/></cellXfs><dxfs><dxf><numFmt numFmtId="164" formatCode="yyyy"/></dxf></dxfs>`;
    const content = workbook({ a: [[text("a")], [{ style: 1, value }]] }, { styles });
    expect(await rowsOf(content)).toEqual([[1, expected]]);
  });

  it("should be none where a cell says that its own format counts, not that of its base", async () => {
    const styles = `<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>
      <cellXfs><xf/><xf numFmtId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="0" xfId="0"/></cellXfs>`;
    const cells: Cell[] = [1, 2].map((style) => ({ style, value: "45352" }));
    const content = workbook({ a: [[text("own"), text("base")], cells] }, { styles });
    expect(await rowsOf(content)).toEqual([[1, "45352", "2024-03-01"]]);
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
