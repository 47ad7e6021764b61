/** The formats of results. A new one is a module and a line. Bigints keep all their digits in each. */
import { csvLines } from "./csv.ts";
import type { FileFormat, ResultFormat } from "./format.ts";
import { jsonRows } from "./json.ts";
import { alignedTable } from "./table.ts";

export const resultFormats = {
  table: { isBinary: false, encode: alignedTable },
  csv: { isBinary: false, encode: csvLines },
  json: { isBinary: false, encode: jsonRows },
} satisfies Record<string, ResultFormat>;

export const exportFormats = {
  csv: { title: "CSV", encode: csvLines },
} satisfies Record<string, FileFormat>;
