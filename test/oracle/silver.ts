/** Silver: one row per film and file kind; every other row is superseded, rejected or quarantined. */
import { readRecords, type TextValues } from "./records.ts";
import { type SourceName, sources } from "./sources.ts";
import { type InvalidReason, type RejectReason, readMeasure, readTitleAndYear } from "./values.ts";

/** A file as it was delivered. The order of deliveries is that of the ledger's commits: last is newest. */
export interface Delivery {
  file: string;
  text: string;
  /** Somebody wants it not to count. */
  isExcluded?: boolean;
}

/** `rowNumber` counts from 1, without the header, quarantined records included. */
export interface RejectedRow {
  source: SourceName;
  file: string;
  rowNumber: number;
  reason: RejectReason;
}

/** `year` is the row's own, before bridging; `raw` is the text as it arrived. */
export interface InvalidValue {
  source: SourceName;
  filmKey: string;
  year: number;
  column: string;
  raw: string;
  reason: InvalidReason;
}

/** read = excluded + quarantined + kept + superseded + rejected. */
export interface Accounting {
  read: number;
  excluded: number;
  quarantined: number;
  kept: number;
  superseded: number;
  rejected: number;
}

export interface SilverRow {
  source: SourceName;
  filmKey: string;
  title: string;
  year: number;
  /** Money and counts. */
  whole: Record<string, bigint | null>;
  /** Percentages and scores. */
  double: Record<string, number | null>;
  invalid: InvalidValue[];
}

export interface SilverSource {
  kept: SilverRow[];
  rejected: RejectedRow[];
  invalid: InvalidValue[];
  accounting: Accounting;
}

/** All rows of one file kind, sorted out. */
export function readSource(source: SourceName, deliveries: Delivery[], currentYear: number): SilverSource {
  const usable: SilverRow[] = [];
  const rejected: RejectedRow[] = [];
  const all = readDeliveries(source, deliveries);
  const records = all.filter(({ isExcluded }) => !isExcluded);
  for (const { file, rowNumber, values } of records) {
    const row = values && readRow(source, values, currentYear);
    if (row && "rejected" in row) rejected.push({ source, file, rowNumber, reason: row.rejected });
    else if (row) usable.push(row);
  }
  const kept = newestPerFilm(usable);
  const accounting = {
    read: all.length,
    excluded: all.length - records.length,
    quarantined: records.filter(({ values }) => values === null).length,
    kept: kept.length,
    superseded: usable.length - kept.length,
    rejected: rejected.length,
  };
  // Invalid values come from kept rows only: what a superseded row says no longer matters.
  return { kept, rejected, invalid: kept.flatMap((row) => row.invalid), accounting };
}

/** The same text again is the same file again: it adds nothing, and does not become the newest. */
function readDeliveries(source: SourceName, deliveries: Delivery[]) {
  return deliveries
    .filter(({ text }, index) => deliveries.findIndex((other) => other.text === text) === index)
    .flatMap(({ file, text, isExcluded }) =>
      readRecords(source, text).map((values, index) => ({ file, rowNumber: index + 1, values, isExcluded })),
    );
}

/** Per (film key, year), before years are bridged. The last row wins whole, its nulls too. */
function newestPerFilm(rowsOldestFirst: SilverRow[]): SilverRow[] {
  return [...new Map(rowsOldestFirst.map((row) => [`${row.filmKey}|${row.year}`, row])).values()];
}

function readRow(
  source: SourceName,
  values: TextValues,
  currentYear: number,
): SilverRow | { rejected: RejectReason } {
  const { titleColumn, yearColumn, measures } = sources[source];
  const film = readTitleAndYear(values[titleColumn] ?? null, values[yearColumn] ?? null, currentYear);
  if ("rejected" in film) return film;
  const row: SilverRow = { source, ...film, whole: {}, double: {}, invalid: [] };
  for (const [column, kind] of Object.entries(measures)) {
    const raw = values[column] ?? null;
    const measure = readMeasure(raw, kind);
    const value = "invalid" in measure ? null : measure.value;
    if (typeof value === "bigint") row.whole[column] = value;
    if (typeof value === "number") row.double[column] = value;
    if ("invalid" in measure) {
      const { filmKey, year } = film;
      row.invalid.push({ source, filmKey, year, column, raw: raw ?? "", reason: measure.invalid });
    }
  }
  return row;
}
