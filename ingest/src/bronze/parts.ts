/** The records of one file, cut into parts: each is a temporary record file first, then one Parquet object. */
import { join } from "node:path";
import { Background } from "../background.ts";
import {
  plainDialect,
  type RecordDialect,
  type RecordSink,
  type Reject,
  type RejectReason,
} from "../read/record.ts";
import { RecordFile } from "./record-file.ts";

/** Rows between two cuts, as they wait to be written. */
export interface Part {
  /** From 0. */
  number: number;
  records: RecordFile;
  rowCount: number;
  /** Rows and marks: where the next part's records would begin, were they in one file. */
  recordCount: number;
  /** The number of the record before the file's first one, which is a mark. */
  recordsBefore: number;
}

/** What somebody sees of the rejects who has to decide about them. */
export interface RejectSummary {
  /** How many there are of each reason. */
  reasons: Partial<Record<RejectReason, number>>;
  /** The first ones. */
  examples: { lineNumber: number; reason: RejectReason; raw: string }[];
}

const exampleCount = 5;
const exampleLength = 120;

export interface PartsOptions {
  folder: string;
  /** Begins the names of its files. */
  batchId: string;
  /** The first value of a record that is no row: a text that the file does not contain. */
  mark: string;
  columnCount: number;
  /** A part ends with the record that reaches it. Must not depend on anything but the file's content. */
  partBytes: number;
  /** How many parts may wait or be written at once: bounds temporary disk and memory. */
  parallel: number;
  /** Called when a part is complete; its record file goes when the answer is there. */
  onPart(part: Part): Promise<void>;
  onRows(rowsRead: number): void;
}

/** Without the mark at its beginning: how much fits must not depend on whether the part was begun already. */
const bytesOf = (part: Part | undefined, mark: Buffer) => (part ? part.records.byteCount - mark.length : 0);

/**
 * Takes the records of a file. A rejected record leaves a mark behind among the rows, so that the rows are numbered
 * by their place. Parts are cut by content alone: a second attempt makes the same ones.
 */
export class Parts implements RecordSink {
  rowsRead = 0;
  rejectCount = 0;
  readonly rejectSummary: RejectSummary = { reasons: {}, examples: [] };
  /** The rejects, once there is one; the caller removes it. */
  rejects: RecordFile | undefined;
  readonly #options: PartsOptions;
  readonly #writing: Background;
  #dialect: RecordDialect = plainDialect;
  #mark: Buffer;
  #part: Part | undefined;
  #partCount = 0;

  constructor(options: PartsOptions) {
    this.#options = options;
    this.#writing = new Background(options.parallel);
    this.#mark = this.#markRecord();
  }

  begin(dialect: RecordDialect): void {
    // DuckDB takes some text for null in any case: one that the file does not have.
    this.#dialect = { ...dialect, nullText: dialect.nullText ?? `${this.#options.mark}0` };
    this.#mark = this.#markRecord();
  }

  get room(): number {
    return this.#options.partBytes - bytesOf(this.#part, this.#mark);
  }

  rows(bytes: Buffer, start: number, end: number, count: number): void {
    const part = this.#current();
    part.records.write(bytes, start, end);
    this.#take(part, count);
  }

  row(values: readonly (string | null)[]): void {
    const part = this.#current();
    // A record of no column would be a blank line.
    part.records.writeValues(values.length > 0 ? values : [""]);
    this.#take(part, 1);
  }

  reject({ lineNumber, reason, raw, rawBytes }: Reject): void {
    const { folder, batchId } = this.#options;
    this.rowsRead++;
    this.rejectCount++;
    const { reasons, examples } = this.rejectSummary;
    reasons[reason] = (reasons[reason] ?? 0) + 1;
    if (examples.length < exampleCount)
      examples.push({ lineNumber, reason, raw: raw.slice(0, exampleLength) });
    this.rejects ??= new RecordFile(join(folder, `${batchId}.rejects.csv`), plainDialect);
    const values = [
      String(this.rowsRead),
      String(lineNumber),
      reason,
      raw,
      rawBytes?.toString("hex") ?? null,
    ];
    this.rejects.writeValues(values);
    if (this.#part === undefined) return; // the next part begins behind it
    this.#writeMark(this.#part);
    this.#endFullPart(this.#part);
  }

  async drained(): Promise<void> {
    this.#options.onRows(this.rowsRead);
    await this.#writing.room();
  }

  /** Resolves when every part is written. */
  async finish(): Promise<void> {
    if (this.#part) this.#endPart(this.#part);
    this.rejects?.close();
    await this.#writing.done();
    await this.drained();
  }

  /** Leaves nothing behind, also after a failure. */
  async remove(): Promise<void> {
    await this.#writing.settled();
    await this.#part?.records.remove();
    await this.rejects?.remove();
  }

  #current(): Part {
    if (this.#part) return this.#part;
    const number = this.#partCount++;
    const path = join(this.#options.folder, `${this.#options.batchId}.${number}.csv`);
    const records = new RecordFile(path, this.#dialect);
    this.#part = { number, records, rowCount: 0, recordCount: 0, recordsBefore: this.rowsRead - 1 };
    // A mark comes first: DuckDB would drop a byte order mark there, which is part of the first value.
    this.#writeMark(this.#part);
    return this.#part;
  }

  #writeMark(part: Part): void {
    part.records.write(this.#mark);
    part.recordCount++;
  }

  #take(part: Part, count: number): void {
    part.rowCount += count;
    part.recordCount += count;
    this.rowsRead += count;
    this.#endFullPart(part);
  }

  #endFullPart(part: Part): void {
    if (bytesOf(part, this.#mark) >= this.#options.partBytes) this.#endPart(part);
  }

  #endPart(part: Part): void {
    this.#part = undefined;
    part.records.close();
    this.#writing.start(() => this.#options.onPart(part).finally(() => part.records.remove()));
  }

  /** Its first value tells it from every row. */
  #markRecord(): Buffer {
    const { mark, columnCount } = this.#options;
    const blanks = this.#dialect.delimiter.repeat(Math.max(0, columnCount - 1));
    return Buffer.from(mark + blanks + this.#dialect.lineBreak);
  }
}
