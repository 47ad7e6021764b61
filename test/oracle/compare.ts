/** Compares gold rows as the CLI's `sql --format json` prints them with the expected ones. */
import type { MovieRow } from "./gold.ts";

export type ActualRow = Record<string, unknown>;

type ExpectedValue = bigint | number | string | null;

/** `film` is `title (year)`; `column` is `*` where the whole row is the difference. */
export interface Difference {
  film: string;
  column: string;
  expected: string;
  actual: string;
}

const relativeTolerance = 1e-9;

/** Empty if both hold the same films with the same columns and values, in any order. */
export function differences(actualRows: ActualRow[], expectedRows: MovieRow[]): Difference[] {
  const actual = Map.groupBy(actualRows, nameOf);
  const expected = new Map(expectedRows.map((row) => [nameOf(row), row]));
  const films = new Set([...expected.keys(), ...actual.keys()]);
  return [...films].flatMap((film) => compareFilm(film, actual.get(film) ?? [], expected.get(film)));
}

function nameOf(row: ActualRow | MovieRow): string {
  return `${row.movie_title} (${row.release_year})`;
}

function compareFilm(film: string, actual: ActualRow[], expected: MovieRow | undefined): Difference[] {
  const [row] = actual;
  if (!row || !expected || actual.length > 1) {
    return [
      { film, column: "*", expected: expected ? "one row" : "no row", actual: `${actual.length} rows` },
    ];
  }
  const expectedValues: Record<string, ExpectedValue> = { ...expected };
  const columns = new Set([...Object.keys(expectedValues), ...Object.keys(row)]);
  return [...columns]
    .filter((column) => !same(row[column], expectedValues[column]))
    .map((column) => ({
      film,
      column,
      expected: show(expectedValues[column]),
      actual: show(row[column]),
    }));
}

/** undefined: the column is not there, which equals nothing. */
function same(actual: unknown, expected: ExpectedValue | undefined): boolean {
  if (actual === undefined || expected === undefined) return false;
  // A bigint arrives as number or as text; a number above 2^53 has lost digits and differs, as it should.
  if (typeof expected === "bigint") return actual !== null && String(actual) === String(expected);
  if (typeof expected === "number" && typeof actual === "number") return close(actual, expected);
  return actual === expected;
}

function close(actual: number, expected: number): boolean {
  const greater = Math.max(Math.abs(actual), Math.abs(expected));
  return Math.abs(actual - expected) <= relativeTolerance * greater;
}

function show(value: unknown): string {
  if (value === undefined) return "no such column";
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
