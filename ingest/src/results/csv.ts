import type { Cell } from "../trino.ts";
import { cellText, type Pages } from "./format.ts";

export async function* csvLines(pages: Pages): AsyncGenerator<string> {
  let header = false;
  for await (const { columns, rows } of pages) {
    if (!header && columns.length > 0) {
      header = true;
      yield csvLine(columns.map(({ name }) => name));
    }
    if (rows.length > 0) yield rows.map(csvLine).join("");
  }
}

/** RFC 4180 with LF: null is empty, the empty string is `""`. */
export function csvLine(cells: Cell[]): string {
  // A line with one null would be an empty line, which readers skip.
  if (cells.length === 1 && cells[0] === null) return "\n";
  return `${cells.map(csvCell).join(",")}\n`;
}

function csvCell(cell: Cell): string {
  if (cell === null) return "";
  const text = cellText(cell);
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
