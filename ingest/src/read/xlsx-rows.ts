/** The cells of a sheet as text, row by row. */
import type { Values } from "./values.ts";
import { isoDate, serialText } from "./xlsx-dates.ts";
import { joined, type SharedTexts, TextCollector } from "./xlsx-texts.ts";
import { type Workbook, WorkbookError, withEscapes } from "./xlsx-workbook.ts";
import { readXml, XmlError, type XmlListener } from "./xml.ts";
import type { Archive } from "./zip.ts";

/** A row of the sheet and its 1-based number there. */
export interface SheetRow {
  rowNumber: number;
  /** Up to the last cell that is not blank, and there is one. */
  values: Values;
}

/** Excel's own limit. */
const maximumColumns = 16_384;
/** A row is held in memory whole. */
const maximumRowLength = 33_554_432;

/**
 * The rows that are not blank, as many at once as a chunk of the file has. `checkWidth` hears of each column that is
 * farther to the right than all before, and throws when that is too far: a row has a place for each before it.
 */
export async function* sheetRows(
  archive: Archive,
  workbook: Workbook,
  texts: SharedTexts,
  checkWidth: (columnCount: number) => void,
): AsyncGenerator<SheetRow[]> {
  const reader = new RowReader(workbook, texts, checkWidth);
  try {
    for await (const _ of readXml(archive.read(workbook.sheetPath), reader)) yield reader.take();
  } catch (cause) {
    if (!(cause instanceof XmlError)) throw cause;
    const place = `${workbook.sheetPath}, row ${Math.max(1, reader.rowNumber)} or behind it`;
    throw new WorkbookError(`${place}: ${cause.message}`, { cause });
  }
}

class RowReader implements XmlListener {
  readonly #workbook: Workbook;
  readonly #texts: SharedTexts;
  readonly #checkWidth: (columnCount: number) => void;
  readonly #inline = new TextCollector();
  #width = 0;
  #rows: SheetRow[] = [];
  #isInData = false;
  #isInRow = false;
  #rowNumber = 0;
  #values: (string | null)[] = [];
  #rowLength = 0;
  #column = 0; // 1-based
  #cell: Record<string, string> | undefined;
  /** The element right below the cell, and how deep in the cell its content is. */
  #part = "";
  #depth = 0;
  #value = "";

  constructor(workbook: Workbook, texts: SharedTexts, checkWidth: (columnCount: number) => void) {
    this.#workbook = workbook;
    this.#texts = texts;
    this.#checkWidth = checkWidth;
  }

  /** Of the row that began last, 0 before the first. */
  get rowNumber(): number {
    return this.#rowNumber;
  }

  take(): SheetRow[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }

  open(name: string, attributes: () => Record<string, string>): void {
    if (name === "sheetData") this.#isInData = true;
    if (!this.#isInData) return;
    if (this.#cell) this.#openInCell(name);
    else if (name === "row") this.#beginRow(attributes());
    else if (name === "c") this.#beginCell(attributes());
  }

  /** What extensions hold stands deeper, and is no value whatever its name. */
  #openInCell(name: string): void {
    const isPart = this.#depth++ === 0;
    if (isPart && (name === "c" || name === "row"))
      throw new WorkbookError(`row ${this.#rowNumber}, column ${this.#column} is not closed`);
    if (isPart) this.#part = name;
    else if (this.#part === "is") this.#inline.open(name);
  }

  close(name: string): void {
    if (name === "sheetData") this.#isInData = false;
    if (!this.#isInData) return;
    if (this.#depth > 0) this.#closeInCell(name);
    else if (name === "c") this.#endCell();
    else if (name === "row") this.#endRow();
  }

  #closeInCell(name: string): void {
    if (--this.#depth === 0) this.#part = "";
    else if (this.#part === "is") this.#inline.close(name);
  }

  text(text: string): void {
    if (this.#part === "v" && this.#depth === 1) this.#value = joined(this.#value, text);
    else if (this.#part === "is") this.#inline.text(text);
  }

  #beginRow({ r }: Record<string, string>): void {
    const rowNumber = r === undefined ? this.#rowNumber + 1 : Number(r);
    if (!(Number.isSafeInteger(rowNumber) && rowNumber > this.#rowNumber))
      throw new WorkbookError(`row ${r} stands behind row ${this.#rowNumber}`);
    if (this.#isInRow) throw new WorkbookError(`row ${rowNumber} stands in row ${this.#rowNumber}`);
    this.#isInRow = true;
    this.#rowNumber = rowNumber;
    this.#values = [];
    this.#rowLength = 0;
    this.#column = 0;
  }

  #endRow(): void {
    this.#isInRow = false;
    const { length } = this.#values;
    if (length > 0) this.#rows.push({ rowNumber: this.#rowNumber, values: this.#values });
    this.#values = [];
  }

  #beginCell(attributes: Record<string, string>): void {
    const column = attributes.r === undefined ? this.#column + 1 : columnOf(attributes.r);
    if (!(this.#isInRow && column > this.#column && column <= maximumColumns))
      throw new WorkbookError(`cell ${attributes.r ?? column} of row ${this.#rowNumber} is out of its place`);
    this.#column = column;
    this.#cell = attributes;
    this.#value = "";
  }

  #endCell(): void {
    if (this.#cell === undefined) return;
    const text = this.#textOf(this.#cell, this.#inline.take());
    this.#cell = undefined;
    if (text === null || text === "") return;
    if (this.#column > this.#width) {
      this.#checkWidth(this.#column);
      this.#width = this.#column;
    }
    this.#rowLength += text.length;
    if (this.#rowLength > maximumRowLength)
      throw new WorkbookError(`row ${this.#rowNumber} has more than ${maximumRowLength} signs`);
    while (this.#values.length < this.#column - 1) this.#values.push(null);
    this.#values.push(text);
  }

  #textOf({ t = "n", s }: Record<string, string>, inline: string): string | null {
    // an error is no value
    if (t === "e") return null;
    // some writers mix up the two places of a text
    if (inline !== "") return inline;
    if (t === "str" || t === "inlineStr") return withEscapes(this.#value);
    const value = this.#value.trim();
    if (value === "") return null;
    if (t === "s") return this.#texts.at(Number(value)) ?? this.#refuse(t, value);
    if (t === "b") return { "0": "FALSE", "1": "TRUE" }[value] ?? this.#refuse(t, value);
    if (t === "d") return isoDate(value) ?? value;
    if (t !== "n") return this.#refuse(t, value);
    const kind = this.#workbook.kinds[Number(s ?? 0)] ?? "number";
    return kind === "number" ? value : (serialText(Number(value), kind, this.#workbook.is1904) ?? value);
  }

  #refuse(type: string, value: string): never {
    const place = `row ${this.#rowNumber}, column ${this.#column}`;
    throw new WorkbookError(`${place} has ${value.slice(0, 40)} where its type ${type} has no such value`);
  }
}

/** 1-based, from `AB12`; NaN if it is no such address. */
function columnOf(address: string): number {
  let column = 0;
  for (let index = 0; index < address.length; index++) {
    const code = address.charCodeAt(index);
    if (code < 65 || code > 90) return index > 0 && code >= 48 && code <= 57 ? column : Number.NaN;
    column = column * 26 + code - 64;
  }
  return Number.NaN;
}
