/** A temporary CSV file of records, written as they come and read once by DuckDB. */
import { closeSync, openSync, writeSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { RecordDialect } from "../read/record.ts";

const bufferBytes = 1_048_576;

export class RecordFile {
  readonly path: string;
  readonly dialect: RecordDialect;
  byteCount = 0;
  readonly #descriptor: number;
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  #filled = 0;
  #isOpen = true;

  constructor(path: string, dialect: RecordDialect) {
    this.path = path;
    this.dialect = dialect;
    this.#descriptor = openSync(path, "w", 0o600);
  }

  /** Bytes in the file's own form. */
  write(bytes: Buffer, start = 0, end = bytes.length): void {
    const length = end - start;
    this.byteCount += length;
    if (length > bufferBytes - this.#filled) this.#flush();
    if (length > bufferBytes) writeWhole(this.#descriptor, bytes.subarray(start, end));
    else this.#filled += bytes.copy(this.#buffer, this.#filled, start, end);
  }

  /** One record; every value but null is quoted, so that none is taken for null. */
  writeValues(values: readonly (string | null)[]): void {
    const { delimiter, lineBreak, nullText } = this.dialect;
    const fields = values.map((value) => (value === null ? (nullText ?? "") : this.#quoted(value)));
    this.write(Buffer.from(fields.join(delimiter) + lineBreak));
  }

  close(): void {
    this.#flush();
    this.#closeDescriptor();
  }

  async remove(): Promise<void> {
    this.#closeDescriptor();
    await rm(this.path, { force: true });
  }

  #closeDescriptor(): void {
    if (this.#isOpen) closeSync(this.#descriptor);
    this.#isOpen = false;
  }

  #quoted(value: string): string {
    const { quote, quoteEscape } = this.dialect;
    if (quote === "") return value;
    // Functions, as a dollar sign means something in a replacement.
    const doubled = () => quoteEscape + quoteEscape;
    const escaped = quoteEscape === quote ? value : value.replaceAll(quoteEscape, doubled);
    return quote + escaped.replaceAll(quote, () => quoteEscape + quote) + quote;
  }

  #flush(): void {
    writeWhole(this.#descriptor, this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }
}

/** A full disk shows as a short write before it shows as an error. */
function writeWhole(descriptor: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
}
