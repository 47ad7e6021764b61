/** Finds out how a file is to be read: its format, its delimiter, its encoding, its escape sign. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEngine } from "../bronze/engine.ts";
import { sampleRows } from "../bronze/sample.ts";
import { inputError, ReelhouseError } from "../errors.ts";
import { type DialectOptions, knownDelimiters } from "../read/dialect.ts";
import { type FormatName, formatOf, formats } from "../read/formats.ts";
import type { SourceFile } from "../read/record.ts";
import { type Reading, tryReading } from "./reading.ts";

export interface Inspection extends Reading {
  /** The first rows, values in the order of the columns. */
  readonly rows: readonly (readonly (string | null)[])[];
}

const sampleSize = 1_000;
/** Above both, the file is none of this kind, or none at all. */
const toleratedRejects = { count: 10, share: 0.1 };

/** Throws an `inputError` (exit 3) for a file that is no table in any way that is known. */
export async function inspectFile(file: SourceFile): Promise<Inspection> {
  const reading = await bestReading(file);
  return { ...reading, rows: await sampleOf(file, reading) };
}

/** A file without any row can be a table: one with a header alone. */
function requireTable(file: SourceFile, reading: Reading): Reading {
  const { columns, rowCount, rejectCount } = reading;
  const records = rowCount + rejectCount;
  if (columns.length === 0) throw notATable(file, "no column");
  const isBroken = rejectCount > toleratedRejects.count && rejectCount > toleratedRejects.share * records;
  if (isBroken || (rowCount === 0 && rejectCount > 0))
    throw notATable(file, `${rejectCount} of the first ${records} records are no rows`);
  return reading;
}

const notATable = (file: SourceFile, message: string) =>
  inputError(message, {
    file: file.hostPath,
    expected: "a table",
    next: "look at the file; docs/load-your-files.md says what can be read, and how to say what a file looks like",
  });

async function sampleOf(
  file: SourceFile,
  { format, columns, options }: Reading,
): Promise<(string | null)[][]> {
  const folder = await mkdtemp(join(tmpdir(), "reelhouse-add-"));
  const engine = await openEngine(folder);
  const sampled = { file, format: formats[format], columns, options };
  try {
    return await sampleRows(sampled, { engine, folder, rowLimit: sampleSize });
  } finally {
    engine.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Formats by their first bytes, the strictest first: nearly any text is some CSV. */
const anyFormat: readonly FormatName[] = ["parquet", "xlsx", "json", "ndjson", "csv"];

function candidateFormats(file: SourceFile): readonly FormatName[] {
  const named = namedFormat(file);
  if (named === undefined) return anyFormat;
  return named === "json" || named === "ndjson" ? [...new Set([named, "json", "ndjson"] as const)] : [named];
}

/** What the file's name says; undefined if nothing. */
export function namedFormat(file: SourceFile): FormatName | undefined {
  try {
    return formatOf(file, undefined, undefined);
  } catch {
    return undefined;
  }
}

/** The first format that the file has; the fault that its own name's format has with it if there is none. */
async function bestReading(file: SourceFile): Promise<Reading> {
  const refusals: ReelhouseError[] = [];
  for (const format of candidateFormats(file)) {
    try {
      const isSeparated = format === "csv" || format === "tsv";
      const reading = isSeparated ? bestDialect(file, format) : tryReading(file, format, {});
      return requireTable(file, await reading);
    } catch (error) {
      refusals.push(refusalOf(error));
    }
  }
  throw (namedFormat(file) === undefined ? refusals.at(-1) : refusals[0]) ?? notATable(file, "no format");
}

/** Anything else is a defect, or the disk. */
function refusalOf(error: unknown): ReelhouseError {
  if (error instanceof ReelhouseError) return error;
  throw error;
}

/** As it is read without a word, where that loses no record; else the way that loses least. */
async function bestDialect(file: SourceFile, format: FormatName): Promise<Reading> {
  const plain = await tried(file, format, {});
  if ("columns" in plain && plain.rejectCount === 0) return withDelimiter(file, plain);
  const readings: Reading[] = "columns" in plain ? [plain] : [];
  for (const options of otherDialects(plain)) {
    const reading = await tried(file, format, options);
    if ("columns" in reading && isCredible(reading, plain)) readings.push(reading);
  }
  const [best] = readings.toSorted((left, right) => lostShare(left) - lostShare(right));
  if (best === undefined) throw plain;
  return withDelimiter(file, best);
}

const lostShare = ({ rowCount, rejectCount }: Reading) => rejectCount / Math.max(1, rowCount + rejectCount);

async function tried(
  file: SourceFile,
  format: FormatName,
  options: DialectOptions,
): Promise<Reading | ReelhouseError> {
  try {
    return await tryReading(file, format, options);
  } catch (error) {
    return refusalOf(error);
  }
}

/** A file with good text beyond ASCII is UTF-8, and its other bytes are damage. */
function otherDialects(plain: Reading | ReelhouseError): DialectOptions[] {
  const isOtherText = !("columns" in plain) || (plain.hasInvalidText && !plain.hasWideText);
  const encodings = isOtherText ? (["utf-16", "windows-1252"] as const) : [undefined];
  const delimiters = [undefined, ...knownDelimiters];
  return encodings.flatMap((encoding) =>
    delimiters.flatMap((delimiter) =>
      [undefined, "\\"].map((quoteEscape) => ({
        ...(encoding ? { encoding } : {}),
        ...(delimiter ? { delimiter } : {}),
        ...(quoteEscape ? { quoteEscape } : {}),
      })),
    ),
  );
}

/**
 * Every byte is a sign of windows-1252, and every two are one of UTF-16: names tell. And with a sign that never occurs
 * as the delimiter, no record has too many fields.
 */
function isCredible({ columns, options }: Reading, plain: Reading | ReelhouseError): boolean {
  if (options.encoding === "utf-16" && !columns.every((name) => /^[\x20-\x7e]+$/.test(name))) return false;
  const fewest = "columns" in plain ? Math.min(2, plain.columns.length) : 1;
  return columns.length >= fewest;
}

/** The delimiter that was found out is said from now on: a later file's header may tell less. */
async function withDelimiter(file: SourceFile, reading: Reading): Promise<Reading> {
  const { format, options, columns } = reading;
  if (format !== "csv" || options.delimiter !== undefined || columns.length < 2) return reading;
  for (const delimiter of knownDelimiters) {
    const found = await formats.csv.columns(file, { ...options, delimiter }).catch(() => []);
    if (found.join("\n") !== columns.join("\n")) continue;
    return delimiter === "," ? reading : { ...reading, options: { ...options, delimiter } };
  }
  return reading;
}
