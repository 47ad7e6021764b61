/** How well a file reads as a table in one way: a trial over its first records. */
import type { DialectOptions } from "../read/dialect.ts";
import { type FormatName, formats } from "../read/formats.ts";
import type { RecordSink, Reject, SourceFile } from "../read/record.ts";

/** One way to read the file, and what came out. */
export interface Reading {
  readonly format: FormatName;
  readonly options: DialectOptions;
  readonly columns: readonly string[];
  readonly rowCount: number;
  readonly rejectCount: number;
  /** Some records are no text in the encoding. */
  readonly hasInvalidText: boolean;
  /** Some rows hold more than ASCII, and are text in the encoding. */
  readonly hasWideText: boolean;
}

const trialRecords = 1_000;
const trialRoomBytes = 65_536;

/** Reads the first records. Throws the format's `inputError` if the file is not of that format. */
export async function tryReading(
  file: SourceFile,
  format: FormatName,
  options: DialectOptions,
): Promise<Reading> {
  const columns = await formats[format].columns(file, options);
  const sink = new CountingSink();
  try {
    await formats[format].records(file, columns, sink, options);
  } catch (error) {
    if (!sink.isFull) throw error;
  }
  const { rowCount, rejectCount, hasInvalidText, hasWideText } = sink;
  return { format, options, columns, rowCount, rejectCount, hasInvalidText, hasWideText };
}

/** Counts what it is given, and ends the reading when that is enough. */
class CountingSink implements RecordSink {
  readonly room = trialRoomBytes;
  rowCount = 0;
  rejectCount = 0;
  hasInvalidText = false;
  hasWideText = false;

  get isFull(): boolean {
    return this.rowCount + this.rejectCount >= trialRecords;
  }

  begin(): void {}

  rows(bytes: Buffer, start: number, end: number, count: number): void {
    this.rowCount += count;
    this.hasWideText ||= bytes.subarray(start, end).some((byte) => byte > 0x7f);
  }

  row(): void {
    this.rowCount++;
  }

  reject({ reason }: Reject): void {
    this.rejectCount++;
    this.hasInvalidText ||= reason === "invalid_encoding";
  }

  async drained(): Promise<void> {
    if (this.isFull) throw new Error("enough records");
  }
}
