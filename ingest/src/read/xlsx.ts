import { inputError } from "../errors.ts";
import { openFile } from "./open.ts";
import type { Format, ReadOptions, RecordSink, SourceFile } from "./record.ts";
import { columnsOf, giveValues, refuseOtherColumns, type Values } from "./values.ts";
import { expandsBeyond } from "./zip.ts";

/**
 * One sheet of an Excel workbook: its first row that is not blank is the header, blank rows are skipped, an empty
 * cell is null. A number is spelled as in the workbook, a date as `2024-03-01` or `2024-03-01 12:30:00`, a formula is
 * its last result, an error such as #N/A null: a row of nothing else is a blank one. A sheet is held in memory whole, so its size is limited.
 */
export const xlsx: Format = { isReadTwice: true, columns, records };

/** A row of the sheet and its 1-based number there. */
interface SheetRow {
  rowNumber: number;
  values: Values;
}

/** Of XML; needs three to four times as much memory. */
const maximumBytes = 200_000_000;

async function columns(file: SourceFile, options: ReadOptions = {}): Promise<string[]> {
  return columnsOf(file, namesOf(file, await readRows(file, options), options));
}

async function records(
  file: SourceFile,
  columns: readonly string[],
  sink: RecordSink,
  options: ReadOptions = {},
): Promise<void> {
  const rows = await readRows(file, options);
  refuseOtherColumns(file, columnsOf(file, namesOf(file, rows, options)), columns);
  for (const { rowNumber, values } of rows.slice(options.columns ? 0 : 1)) {
    const padded = columns.map((_, index) => values[index] ?? null);
    giveValues(sink, padded, rowNumber, options);
    await sink.drained();
  }
}

function namesOf(file: SourceFile, [first]: SheetRow[], { columns }: ReadOptions): readonly string[] {
  const names = columns ?? first?.values.map((name) => name ?? "");
  if (names === undefined || (first && !columns && first.values.every((name) => name?.trim() === "")))
    throw inputError("no header", {
      file: file.hostPath,
      expected: "a first row with the column names",
      next: "add the header to the sheet, or say header: false and columns in pipeline.yaml",
    });
  const width = first?.values.length ?? 0;
  if (columns && width > columns.length)
    throw inputError(`${width} columns`, {
      file: file.hostPath,
      expected: `the ${columns.length} columns that pipeline.yaml names`,
      next: "name all columns in pipeline.yaml",
    });
  return names;
}

/** The rows that are not blank. */
async function readRows(file: SourceFile, { sheet }: ReadOptions): Promise<SheetRow[]> {
  const { handle } = await openFile(file);
  try {
    if (await expandsBeyond(handle, maximumBytes)) throw tooLarge(file);
    const { readSheet } = await import("read-excel-file/node");
    const options = { trim: false, parseNumber: (text: string) => text };
    const rows = await readSheet(
      handle.createReadStream({ start: 0, autoClose: false }),
      sheet ?? 1,
      options,
    );
    return rows
      .map((cells, index) => ({ rowNumber: index + 1, values: cells.map(textOf) }))
      .filter(({ values }) => values.some((value) => value !== null));
  } catch (cause) {
    throw refusal(file, sheet, cause as Error);
  } finally {
    await handle.close();
  }
}

const dayMs = 86_400_000;

function textOf(cell: unknown): string | null {
  if (cell === null || cell === undefined) return null;
  if (typeof cell === "boolean") return cell ? "TRUE" : "FALSE";
  if (!(cell instanceof Date)) return String(cell);
  // Excel's 1900 has a 29th of February; the library counts back from the days behind it
  const missingDay = cell.getTime() < Date.UTC(1900, 1, 28) ? dayMs : 0;
  // a fraction of a day is never exact
  const seconds = Math.round((cell.getTime() + missingDay) / 1000);
  const [date, time = ""] = new Date(seconds * 1000).toISOString().split(/[TZ.]/);
  return time === "00:00:00" ? `${date}` : `${date} ${time}`;
}

function tooLarge(file: SourceFile) {
  return inputError(`a workbook of more than ${maximumBytes} bytes when unpacked`, {
    file: file.hostPath,
    expected: "a smaller one, as a sheet is held in memory whole",
    next: "save the sheet as CSV UTF-8",
  });
}

function refusal(file: SourceFile, sheet: string | undefined, cause: Error): Error {
  if (cause.name === "ReelhouseError") return cause;
  const isMissing = cause.name === "SheetNotFoundError";
  return inputError(isMissing ? `no sheet ${sheet}` : `no Excel workbook, ${cause.message}`, {
    file: file.hostPath,
    expected: isMissing ? `the name of a sheet: ${cause.message}` : "an .xlsx file",
    next: isMissing ? "correct sheet in pipeline.yaml" : "save it again as .xlsx, or as CSV UTF-8",
    cause,
  });
}
