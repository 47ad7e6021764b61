/** Cells as Trino sends them, as the values of their types: exact, or an error that names the column. */
import { exitCode, ReelhouseError } from "../errors.ts";
import type { Cell, Table } from "../trino.ts";
import { type ColumnType, columnType, type Digits, ofKind, type PerKind } from "./column-type.ts";
import { cellText } from "./format.ts";

/**
 * Of a `bigint`: bigint; of smaller integers and floats: number; of a `decimal`: its digits without the point, bigint;
 * of a `date`: days since 1970, number; of a `time`: its units since midnight, number; of a `timestamp`: its units since
 * 1970, in UTC if it has a zone, bigint; of a `varbinary`: bytes; of an `array`: its elements; of a `row`: its fields;
 * of a `map`: pairs.
 */
export type Value = boolean | number | bigint | string | Uint8Array | Value[] | null;

export interface TypedColumn {
  name: string;
  type: ColumnType;
  /** The value of a cell. Throws exit 1 for one that the type cannot hold exactly. */
  read(cell: Cell): Value;
}

export function typedColumns(columns: Table["columns"], narrow = (type: ColumnType) => type): TypedColumn[] {
  return columns.map((column) => {
    const type = narrow(columnType(column.type));
    return { name: column.name, type, read: (cell) => readCell(type, cell, column.name) };
  });
}

function readCell(type: ColumnType, cell: Cell, column: string): Value {
  if (cell === null) return null;
  const value = ofKind(readers, type)(type, cell, column);
  if (value !== undefined) return value;
  throw new ReelhouseError(
    `column ${column}: expected ${describe(type)}, found '${cellText(cell)}'`,
    exitCode.failed,
    { next: nextStep(type, column) },
  );
}

/** Undefined for a cell that does not fit. */
const readers: PerKind<[cell: Exclude<Cell, null>, column: string], Value | undefined> = {
  nothing: () => undefined,
  // As a key of a map it is text.
  boolean: (_, cell) => cell === true || cell === "true",
  integer: ({ bits }, cell) => (bits === 64 ? BigInt(String(cell)) : Number(cell)),
  // NaN and the infinities arrive as text.
  float: (_, cell) => Number(cell),
  decimal: ({ scale }, cell) => unscaled(String(cell), scale),
  date: (_, cell) => daysSince1970(String(cell)),
  time: ({ digits }, cell) => timeUnits(String(cell), digits),
  timestamp: ({ digits, isUtc }, cell) => timestampUnits(String(cell), digits, isUtc),
  binary: (_, cell) => Buffer.from(String(cell), "base64"),
  text: (_, cell) => cellText(cell),
  list: ({ element }, cell, column) =>
    Array.isArray(cell) ? cell.map((member) => readCell(element, member, column)) : undefined,
  struct: ({ fields }, cell, column) =>
    Array.isArray(cell)
      ? fields.map(({ type }, index) => readCell(type, cell[index] ?? null, column))
      : undefined,
  map: ({ key, value }, cell, column) =>
    typeof cell === "object" && !Array.isArray(cell)
      ? Object.entries(cell).map(([k, v]) => [readCell(key, k, column), readCell(value, v, column)])
      : undefined,
};

function unscaled(text: string, scale: number): bigint | undefined {
  const [, whole, fraction = ""] = /^(-?\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  return whole === undefined || fraction.length !== scale ? undefined : BigInt(whole + fraction);
}

const dayMs = 86_400_000;

/** Undefined outside of the years that JavaScript's dates know, ±270,000. */
function daysSince1970(text: string): number | undefined {
  const [, year, month, day] = /^([+-]?\d{4,})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  // Not Date.UTC: it takes the years 0 to 99 for 1900 to 1999.
  const days = new Date(0).setUTCFullYear(Number(year), Number(month) - 1, Number(day)) / dayMs;
  return Number.isNaN(days) ? undefined : days;
}

/** A day's nanoseconds fit a double; those since 1970 do not. */
function timeUnits(text: string, digits: Digits): number | undefined {
  const [, hours, minutes, seconds, fraction = ""] = /^(\d\d):(\d\d):(\d\d)(?:\.(\d+))?$/.exec(text) ?? [];
  if (hours === undefined || fraction.length > digits) return undefined;
  const whole = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return whole * 10 ** digits + Number(fraction.padEnd(digits, "0"));
}

/** Days and time of day apart, so that times before 1970, which count back from there, are exact too. */
function timestampUnits(text: string, digits: Digits, isUtc: boolean): bigint | undefined {
  const [, date = "", time = "", zone] = /^(\S+) (\S+)(?: (\S+))?$/.exec(text) ?? [];
  const days = daysSince1970(date);
  const units = timeUnits(time, digits);
  const offsetMinutes = isUtc ? zoneOffsetMinutes(zone ?? "") : 0;
  if (days === undefined || units === undefined || offsetMinutes === undefined) return undefined;
  const seconds = days * 86_400 - offsetMinutes * 60;
  const count = BigInt(seconds) * BigInt(10 ** digits) + BigInt(units);
  return BigInt.asIntN(64, count) === count ? count : undefined;
}

/** A place such as America/New_York has the same hour twice when its clocks go back: that would be a guess. */
function zoneOffsetMinutes(zone: string): number | undefined {
  if (zone === "UTC") return 0;
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(zone) ?? [];
  if (sign === undefined) return undefined;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

function describe(type: ColumnType): string {
  switch (type.kind) {
    case "timestamp":
      return type.isUtc ? "a timestamp in UTC or with an offset, of 64 bits" : "a timestamp of 64 bits";
    case "decimal":
      return `a decimal with ${type.scale} digits behind the point`;
    default:
      return `a value of the kind ${type.kind}`;
  }
}

function nextStep(type: ColumnType, column: string): string {
  const asText = `cast it to text in the statement: CAST(${column} AS varchar)`;
  if (type.kind !== "timestamp" || !type.isUtc) return asText;
  return `ask for it in UTC: ${column} AT TIME ZONE 'UTC'; or ${asText}`;
}
