/** Cells as Trino sends them, as the values of their types: exact, or an error that names the column. */
import { exitCode, ReelhouseError } from "../errors.ts";
import type { Cell, Table } from "../trino.ts";
import { type ColumnType, columnType, type Digits } from "./column-type.ts";
import { cellText } from "./format.ts";

/**
 * Of a `bigint`: bigint; of smaller integers and floats: number; of a `decimal`: its digits without the point; of a
 * `date`: days since 1970; of a `time`: its units since midnight; of a `timestamp`: its units since 1970, in UTC if it
 * has a zone; of a `varbinary`: bytes; of an `array`: its elements; of a `row`: its fields; of a `map`: pairs.
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
  const value = readValue(type, cell, column);
  if (value !== undefined) return value;
  throw new ReelhouseError(
    `column ${column}: expected ${describe(type)}, found '${cellText(cell)}'`,
    exitCode.failed,
    { next: nextStep(type, column) },
  );
}

/** Undefined for a cell that does not fit. */
function readValue(type: ColumnType, cell: Exclude<Cell, null>, column: string): Value | undefined {
  switch (type.kind) {
    case "nothing":
      return undefined;
    case "boolean":
      return cell === true || cell === "true";
    case "integer":
      return type.bits === 64 ? BigInt(String(cell)) : Number(cell);
    case "float":
      // NaN and the infinities arrive as text.
      return Number(cell);
    case "decimal":
      return unscaled(String(cell), type.scale);
    case "date":
      return daysSince1970(String(cell));
    case "time":
      return timeUnits(String(cell), type.digits);
    case "timestamp":
      return timestampUnits(String(cell), type.digits, type.isUtc);
    case "binary":
      return Buffer.from(String(cell), "base64");
    case "text":
      return cellText(cell);
    default:
      return readNested(type, cell, column);
  }
}

function readNested(type: ColumnType, cell: Exclude<Cell, null>, column: string): Value | undefined {
  if (type.kind === "list" && Array.isArray(cell)) {
    return cell.map((element) => readCell(type.element, element, column));
  }
  if (type.kind === "struct" && Array.isArray(cell)) {
    return type.fields.map((field, index) => readCell(field.type, cell[index] ?? null, column));
  }
  if (type.kind === "map" && typeof cell === "object" && !Array.isArray(cell)) {
    const read = ([key, value]: [string, Cell]) => [
      readCell(type.key, key, column),
      readCell(type.value, value, column),
    ];
    return Object.entries(cell).map(read);
  }
  return undefined;
}

function unscaled(text: string, scale: number): bigint | undefined {
  const [, whole, fraction = ""] = /^(-?\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined || fraction.length > scale) return undefined;
  return BigInt(whole + fraction.padEnd(scale, "0"));
}

const dayMs = 86_400_000;

/** Undefined outside of the years that JavaScript's dates know, ±270,000. */
function daysSince1970(text: string): number | undefined {
  const [, year, month, day] = /^([+-]?\d{4,})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  // Not Date.UTC: it takes the years 0 to 99 for 1900 to 1999.
  const days = new Date(0).setUTCFullYear(Number(year), Number(month) - 1, Number(day)) / dayMs;
  return Number.isNaN(days) ? undefined : days;
}

function timeUnits(text: string, digits: Digits): bigint | undefined {
  const [, hours, minutes, seconds, fraction = ""] = /^(\d\d):(\d\d):(\d\d)(?:\.(\d+))?$/.exec(text) ?? [];
  if (hours === undefined || fraction.length > digits) return undefined;
  const whole = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return BigInt(whole) * 10n ** BigInt(digits) + BigInt(fraction.padEnd(digits, "0"));
}

/** Days and time of day apart, so that times before 1970 and beyond what a double can count are exact. */
function timestampUnits(text: string, digits: Digits, isUtc: boolean): bigint | undefined {
  const [, date = "", time = "", zone] = /^(\S+) (\S+)(?: (\S+))?$/.exec(text) ?? [];
  const days = daysSince1970(date);
  const units = timeUnits(time, digits);
  const offsetMinutes = isUtc ? zoneOffsetMinutes(zone ?? "") : 0;
  if (days === undefined || units === undefined || offsetMinutes === undefined) return undefined;
  const seconds = BigInt(days) * 86_400n - BigInt(offsetMinutes * 60);
  const count = seconds * 10n ** BigInt(digits) + units;
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
      return `a decimal with at most ${type.scale} digits behind the point`;
    default:
      return `a value of the kind ${type.kind}`;
  }
}

function nextStep(type: ColumnType, column: string): string {
  const asText = `cast it to text in the statement: CAST(${column} AS varchar)`;
  if (type.kind !== "timestamp" || !type.isUtc) return asText;
  return `ask for it in UTC: ${column} AT TIME ZONE 'UTC'; or ${asText}`;
}
