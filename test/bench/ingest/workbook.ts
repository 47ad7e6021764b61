/** Writes an Excel workbook of made-up films, with shared texts as Excel does it: FILE ROWS */
import { closeSync, openSync, writeSync } from "node:fs";
import { strToU8, Zip, ZipDeflate } from "fflate";
import { columns, createRandom, figures, title } from "./data.ts";

const [file = "", rowCount = "1000000"] = process.argv.slice(2);
const heldCharacters = 1_000_000;
const office = "http://schemas.openxmlformats.org";
const main = `xmlns="${office}/spreadsheetml/2006/main"`;
const relation = (id: string, type: string, target: string) =>
  `<Relationship Id="${id}" Type="${office}/officeDocument/2006/relationships/${type}" Target="${target}"/>`;

function* sheet(): Generator<string> {
  const random = createRandom();
  yield `<worksheet ${main}><sheetData><row r="1">`;
  yield* columns.map((name, index) => cell(index, 1, `t="str"><v>${name}</v>`));
  yield "</row>";
  for (let row = 2; row <= Number(rowCount) + 1; row++) {
    const numbers = figures(random).map((value, index) => cell(index + 1, row, `><v>${value}</v>`));
    yield `<row r="${row}">${cell(0, row, `t="s"><v>${row - 2}</v>`)}${numbers.join("")}</row>`;
  }
  yield "</sheetData></worksheet>";
}

const cell = (column: number, row: number, rest: string) => `<c r="${"ABCDE"[column]}${row}" ${rest}</c>`;

function* texts(): Generator<string> {
  const random = createRandom(7);
  yield `<sst ${main}>`;
  for (let row = 1; row <= Number(rowCount); row++) yield `<si><t>${title(row, random)}</t></si>`;
  yield "</sst>";
}

const parts: Record<string, Iterable<string>> = {
  "[Content_Types].xml": [`<Types xmlns="${office}/package/2006/content-types"/>`],
  "xl/workbook.xml": [
    `<workbook ${main} xmlns:r="${office}/officeDocument/2006/relationships">`,
    `<sheets><sheet name="Films" sheetId="1" r:id="r1"/></sheets></workbook>`,
  ],
  "xl/_rels/workbook.xml.rels": [
    `<Relationships xmlns="${office}/package/2006/relationships">`,
    relation("r1", "worksheet", "worksheets/sheet1.xml"),
    relation("r2", "sharedStrings", "sharedStrings.xml"),
    "</Relationships>",
  ],
  "xl/worksheets/sheet1.xml": sheet(),
  "xl/sharedStrings.xml": texts(),
};

const descriptor = openSync(file, "w");
const zip = new Zip((error, piece) => {
  if (error) throw error;
  writeSync(descriptor, piece);
});
for (const [name, pieces] of Object.entries(parts)) {
  const part = new ZipDeflate(name, { level: 1 });
  zip.add(part);
  let held = "";
  for (const piece of pieces) {
    held += piece;
    if (held.length < heldCharacters) continue;
    part.push(strToU8(held));
    held = "";
  }
  part.push(strToU8(held), true);
}
zip.end();
closeSync(descriptor);
