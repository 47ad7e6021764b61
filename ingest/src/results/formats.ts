/** The formats of results. A new one is a module and a line. Bigints keep all their digits in each. */
import { csvLines } from "./csv.ts";
import type { FileFormat, Pages, ResultFormat } from "./format.ts";
import { jsonRows } from "./json.ts";
import { alignedTable } from "./table.ts";

/** The first one is what a user gets who names none. */
export const resultFormatNames = ["table", "csv", "json", "arrow"] as const;
/** The same; also the ending of the files. */
export const exportFormatNames = ["csv", "arrow", "parquet"] as const;

export type ResultFormatName = (typeof resultFormatNames)[number];
export type ExportFormatName = (typeof exportFormatNames)[number];

/** Their libraries are only loaded by who uses them: every command reads this file, the health check too. */
const arrow = () => import("./arrow.ts");
const parquet = () => import("./parquet.ts");

export const resultFormats = {
  table: { isBinary: false, encode: alignedTable },
  csv: { isBinary: false, encode: csvLines },
  json: { isBinary: false, encode: jsonRows },
  arrow: { isBinary: true, encode: encodeLater(async () => (await arrow()).arrowStream) },
} satisfies Record<ResultFormatName, ResultFormat>;

export const exportFormats = {
  csv: { title: "CSV", encode: csvLines },
  arrow: { title: "Arrow", encode: encodeLater(async () => (await arrow()).arrowFile) },
  parquet: { title: "Parquet", encode: encodeLater(async () => (await parquet()).parquetFile) },
} satisfies Record<ExportFormatName, FileFormat>;

function encodeLater(load: () => Promise<(pages: Pages) => AsyncGenerator<Uint8Array>>) {
  return async function* (pages: Pages): AsyncGenerator<Uint8Array> {
    yield* (await load())(pages);
  };
}
