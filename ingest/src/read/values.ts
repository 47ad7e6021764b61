/** Rows of formats that are no text: they come as values, and have no line but a number. */
import { bronzeColumnNames, refuseTooManyColumns } from "./column-names.ts";
import { isTextValue, wholeCharacterBytes } from "./encoding.ts";
import { changedWhileRead } from "./open.ts";
import { defaultMaximumRecordLength, type ReadOptions, type RecordSink, type SourceFile } from "./record.ts";

export type Values = readonly (string | null)[];

/** The names of the columns as bronze spells them. Throws an `inputError` if there are too many. */
export function columnsOf(file: SourceFile, names: readonly string[]): string[] {
  refuseTooManyColumns(file.hostPath, names.length);
  return bronzeColumnNames(names);
}

export function refuseOtherColumns(
  file: SourceFile,
  found: readonly string[],
  columns: readonly string[],
): void {
  if (found.join("\n") !== columns.join("\n")) throw changedWhileRead(file, "other columns");
}

/** Gives one row, or a reject whose raw text is the values as a JSON array. */
export function giveValues(
  sink: RecordSink,
  values: Values,
  rowNumber: number,
  { maximumRecordLength = defaultMaximumRecordLength }: ReadOptions,
): void {
  const isTooLong =
    values.reduce((sum, value) => sum + Buffer.byteLength(value ?? ""), 0) > maximumRecordLength;
  const isAllText = values.every((value) => value === null || isTextValue(value));
  if (!isTooLong && isAllText) {
    sink.row(values);
    return;
  }
  const whole = Buffer.from(JSON.stringify(values));
  const cut = whole.subarray(0, maximumRecordLength);
  sink.reject({
    lineNumber: rowNumber,
    reason: isTooLong ? "record_too_long" : "invalid_unicode",
    raw: cut.subarray(0, wholeCharacterBytes(cut)).toString(),
    rawBytes: null,
  });
}
