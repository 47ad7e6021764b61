/** Silver's rules for one value: title, year, film key, number. */
import type { MeasureKind } from "./sources.ts";

// JavaScript's \s takes U+FEFF for a blank and U+0085 for none; Unicode's own property does neither.
const blanks = /\p{White_Space}+/gu;

const firstYear = 1888;
const yearsAhead = 5;

/** NFC, every run of blanks one blank, none at the ends. */
export function cleanTitle(raw: string): string {
  return trim(raw.normalize("NFC").replace(blanks, " "));
}

function trim(raw: string): string {
  return raw.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, "");
}

/** Key of a clean title; "" if it has neither letter nor number. The steps' order is the issue's. */
export function filmKey(title: string): string {
  return title
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll("ς", "σ")
    .replace(/^(.*), (the|a|an)$/s, "$2 $1")
    .replaceAll("&", "and")
    .replace(/[^\p{L}\p{N}]/gu, "");
}

export type RejectReason =
  | "title_missing"
  | "title_without_letters"
  | "release_year_missing"
  | "release_year_not_four_digits"
  | "release_year_out_of_range";

export type TitleAndYear = { title: string; filmKey: string; year: number } | { rejected: RejectReason };

/** A row has one reason: the title's comes first. `currentYear` is that of `current_date`. */
export function readTitleAndYear(
  rawTitle: string | null,
  rawYear: string | null,
  currentYear: number,
): TitleAndYear {
  const title = cleanTitle(rawTitle ?? "");
  if (title === "") return { rejected: "title_missing" };
  const key = filmKey(title);
  if (key === "") return { rejected: "title_without_letters" };
  const year = readYear(rawYear, currentYear);
  return typeof year === "number" ? { title, filmKey: key, year } : { rejected: year };
}

function readYear(raw: string | null, currentYear: number): number | RejectReason {
  const text = trim(raw ?? "");
  if (text === "") return "release_year_missing";
  if (!/^[0-9]{4}$/.test(text)) return "release_year_not_four_digits";
  const year = Number(text);
  return year >= firstYear && year <= currentYear + yearsAhead ? year : "release_year_out_of_range";
}

export type InvalidReason = "not_a_number" | "not_whole" | "negative" | "out_of_range";

export type Measure = { value: bigint | number | null } | { invalid: InvalidReason };

/** Blank and null are missing (a null value), not invalid. */
export function readMeasure(raw: string | null, kind: MeasureKind): Measure {
  const text = trim(raw ?? "");
  if (text === "") return { value: null };
  if (kind === "money" || kind === "count") return readWhole(text);
  return readDouble(text, kind === "percentage" ? 100 : 10);
}

/**
 * A decimal is: minus if any, digits, a point with digits if any, an exponent if any. No leading plus, no
 * `.5`, no `5.`. The dollar sign comes before the minus: it is the leading character.
 */
const decimal = /^-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?$/i;
const dollarsOrCount =
  /^\$?(?<minus>-?)(?<whole>[0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.(?<fraction>[0-9]+))?(e(?<exponent>[+-]?[0-9]+))?$/i;

/** Exact: never through a double. `450.0` and `1.5e6` are whole, `12.50` is not. */
function readWhole(text: string): Measure {
  const parts = dollarsOrCount.exec(text)?.groups;
  if (!parts) return { invalid: "not_a_number" };
  const { minus, whole = "", fraction = "", exponent = "0" } = parts;
  const digits = `${whole.replaceAll(",", "")}${fraction}`.replace(/^0+/, "");
  if (digits === "") return { value: 0n };
  const significant = digits.replace(/0+$/, "");
  const zerosBehind = Number(exponent) - fraction.length + digits.length - significant.length;
  if (zerosBehind < 0) return { invalid: "not_whole" };
  if (minus) return { invalid: "negative" };
  // Before the digits are written out: 1e999999999 would fill the memory.
  if (significant.length + zerosBehind > 19) return { invalid: "out_of_range" };
  const value = BigInt(significant) * 10n ** BigInt(zerosBehind);
  return fitBigint(value) === null ? { invalid: "out_of_range" } : { value };
}

/** Below zero a percentage or a score is out of its range; `negative` is the word for money and counts. */
function readDouble(text: string, greatest: number): Measure {
  if (!decimal.test(text)) return { invalid: "not_a_number" };
  const value = Number(text);
  return value >= 0 && value <= greatest ? { value } : { invalid: "out_of_range" };
}

/** The value, or null where it is missing or does not fit `bigint`. */
export function fitBigint(value: bigint | null): bigint | null {
  return value === null || BigInt.asIntN(64, value) !== value ? null : value;
}
