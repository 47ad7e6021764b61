import type { FileHandle } from "node:fs/promises";
import { inputError } from "../errors.ts";
import { refuseTooManyColumns } from "./column-names.ts";
import { checkExpansion } from "./compression.ts";
import { changedWhileRead, openFile } from "./open.ts";
import type { Format, ReadOptions, RecordSink, SourceFile } from "./record.ts";
import { columnsOf, giveValues, refuseOtherColumns } from "./values.ts";
import { type SheetRow, sheetRows } from "./xlsx-rows.ts";
import { SharedTexts } from "./xlsx-texts.ts";
import { NoSuchSheet, readWorkbook, WorkbookError } from "./xlsx-workbook.ts";
import { XmlError } from "./xml.ts";
import { Archive, ZipError } from "./zip.ts";

/**
 * One sheet of an Excel workbook: its first row that is not blank is the header, blank rows are skipped, an empty
 * cell is null. A number is spelled as in the workbook, a date as `2024-03-01` or `2024-03-01 12:30:00`, a time as
 * `12:30:00`, a duration as `36:05:00`, a formula is its last result, an error such as #N/A null: a row of nothing
 * else is a blank one. Memory is bounded by the texts that cells share, which are limited, and a part of the sheet.
 */
export const xlsx: Format = { isReadTwice: true, columns, records };

/** The sheet is read to its end: a row may be wider than the header. */
async function columns(file: SourceFile, options: ReadOptions = {}): Promise<string[]> {
  let header: SheetRow | undefined;
  let width = 0;
  for await (const row of rowsOf(file, options)) {
    header ??= row;
    width = Math.max(width, row.values.length);
  }
  return columnsOf(file, namesOf(file, header, width, options));
}

async function records(
  file: SourceFile,
  columns: readonly string[],
  sink: RecordSink,
  options: ReadOptions = {},
): Promise<void> {
  let isHeader = options.columns === undefined;
  for await (const row of rowsOf(file, options)) {
    const { rowNumber, values } = row;
    if (values.length > columns.length) throw changedWhileRead(file, "other columns");
    if (isHeader)
      refuseOtherColumns(file, columnsOf(file, namesOf(file, row, columns.length, options)), columns);
    else {
      giveValues(sink, padded(values, columns.length), rowNumber, options);
      await sink.drained();
    }
    isHeader = false;
  }
}

const padded = (values: SheetRow["values"], width: number) =>
  Array.from({ length: width }, (_, index) => values[index] ?? null);

function namesOf(
  file: SourceFile,
  header: SheetRow | undefined,
  width: number,
  { columns }: ReadOptions,
): readonly string[] {
  if (columns && width > columns.length)
    throw inputError(`${width} columns`, {
      file: file.hostPath,
      expected: `the ${columns.length} columns that pipeline.yaml names`,
      next: "name all columns in pipeline.yaml",
    });
  if (columns) return columns;
  if (header?.values.some((name) => name !== null && name.trim() !== ""))
    return padded(header.values, width).map((name) => name ?? "");
  throw inputError("no header", {
    file: file.hostPath,
    expected: "a first row with the column names",
    next: "add the header to the sheet, or say header: false and columns in pipeline.yaml",
  });
}

/** The rows that are not blank. */
async function* rowsOf(file: SourceFile, options: ReadOptions): AsyncGenerator<SheetRow> {
  const { handle, byteCount } = await openFile(file);
  const limits = { compressedBytes: byteCount, expansion: options.maximumExpansion };
  try {
    await refuseOldContainer(file, handle);
    const archive = await Archive.open(handle, byteCount, {
      onPacked: (bytes) => options.onBytes?.(bytes),
      onUnpacked: (bytes) => checkExpansion(file, "Excel", bytes, limits),
    });
    const workbook = await readWorkbook(archive, options.sheet);
    const texts = await SharedTexts.read(archive, workbook.textsPath);
    const checkWidth = (columnCount: number) => refuseTooManyColumns(file.hostPath, columnCount);
    for await (const rows of sheetRows(archive, workbook, texts, checkWidth)) yield* rows;
  } catch (cause) {
    throw refusal(file, options.sheet, cause as Error);
  } finally {
    await handle.close();
  }
}

/** Old workbooks, and new ones with a password, stand in a container of another kind. */
async function refuseOldContainer(file: SourceFile, handle: FileHandle): Promise<void> {
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  if (buffer.readUInt32BE(0) !== 0xd0cf11e0) return;
  throw inputError("an old Excel workbook, or one with a password", {
    file: file.hostPath,
    expected: "an .xlsx file",
    next: "save it without a password as .xlsx, or as CSV UTF-8",
  });
}

function refusal(file: SourceFile, sheet: string | undefined, cause: Error): Error {
  if (cause instanceof NoSuchSheet)
    return inputError(sheet === undefined ? "no sheet with cells" : `no sheet ${sheet}`, {
      file: file.hostPath,
      expected: `the name of a sheet: ${cause.message}`,
      next: "correct sheet in pipeline.yaml",
      cause,
    });
  if (!(cause instanceof WorkbookError || cause instanceof XmlError || cause instanceof ZipError))
    return cause;
  return inputError(`no Excel workbook that can be read, ${cause.message}`, {
    file: file.hostPath,
    expected: "an .xlsx file",
    next: "save it again as .xlsx, or as CSV UTF-8",
    cause,
  });
}
