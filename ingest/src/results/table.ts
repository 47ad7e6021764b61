import type { Cell, Table } from "../trino.ts";
import { cellText, type Pages } from "./format.ts";

/** Columns as wide as their widest value: the whole result is held in memory, for a person can't read more. */
export async function* alignedTable(pages: Pages): AsyncGenerator<string> {
  const { columns, rows } = await collect(pages);
  if (columns.length === 0) return;
  const isNumber = columns.map(({ type }) =>
    /^(tinyint|smallint|integer|bigint|real|double|decimal)/.test(type),
  );
  const lines = [columns.map(({ name }) => name), ...rows.map((row) => row.map(displayText))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => displayWidth(line[index] ?? ""))));
  const pad = (text: string, index: number) => {
    const blanks = " ".repeat((widths[index] ?? 0) - displayWidth(text));
    return isNumber[index] ? blanks + text : text + blanks;
  };
  const [header = [], ...body] = lines.map((line) => line.map(pad).join(" | ").trimEnd());
  yield `${header}\n${widths.map((width) => "-".repeat(width)).join("-+-")}\n`;
  for (const line of body) yield `${line}\n`;
  yield `(${rows.length} ${rows.length === 1 ? "row" : "rows"})\n`;
}

async function collect(pages: Pages): Promise<Table> {
  const table: Table = { columns: [], rows: [] };
  for await (const page of pages) {
    if (page.columns.length > 0) table.columns = page.columns;
    for (const row of page.rows) table.rows.push(row);
  }
  return table;
}

const displayText = (cell: Cell | undefined): string => {
  if (cell === null || cell === undefined) return "";
  return cellText(cell).replace(/\p{Cc}/gu, (control) => JSON.stringify(control).slice(1, -1));
};
/** Counts characters, and wide ones (East Asian, emoji) twice, as terminals draw them. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const displayWidth = (text: string): number =>
  Array.from(text.replace(/\p{M}/gu, ""), (character) => (wide.test(character) ? 2 : 1)).reduce(
    (a, b) => a + b,
    0,
  );
