/** What a column of Trino holds, read from the text of its type, such as `array(timestamp(6) with time zone)`. */

/** Digits of a second that the unit of a time counts: seconds, milli-, micro- or nanoseconds. */
export type Digits = 0 | 3 | 6 | 9;

/** `text` stands for every type that Arrow and Parquet have no like of; its values are what Trino prints. */
export type ColumnType =
  | { kind: "nothing" }
  | { kind: "boolean" }
  | { kind: "integer"; bits: 8 | 16 | 32 | 64 }
  | { kind: "float"; bits: 32 | 64 }
  | { kind: "decimal"; precision: number; scale: number }
  | { kind: "date" }
  | { kind: "time"; digits: Digits }
  | { kind: "timestamp"; digits: Digits; isUtc: boolean }
  | { kind: "binary" }
  | { kind: "text" }
  | { kind: "list"; element: ColumnType }
  | { kind: "struct"; fields: { name: string; type: ColumnType }[] }
  | { kind: "map"; key: ColumnType; value: ColumnType };

export type Kind<K extends ColumnType["kind"]> = Extract<ColumnType, { kind: K }>;

/** Something for every kind, such as how its values are read. */
export type PerKind<Arguments extends unknown[], Result> = {
  [K in ColumnType["kind"]]: (type: Kind<K>, ...rest: Arguments) => Result;
};

/** The function for the kind of `type`. That the two belong together is beyond what the compiler follows. */
export const ofKind = <Arguments extends unknown[], Result>(
  functions: PerKind<Arguments, Result>,
  { kind }: ColumnType,
) => functions[kind] as (type: ColumnType, ...rest: Arguments) => Result;

const text: ColumnType = { kind: "text" };

/** By Trino's name of the type; `words` is what stands in its brackets. */
const readers: Record<string, (words: string[], hasZone: boolean) => ColumnType> = {
  unknown: () => ({ kind: "nothing" }),
  boolean: () => ({ kind: "boolean" }),
  tinyint: () => ({ kind: "integer", bits: 8 }),
  smallint: () => ({ kind: "integer", bits: 16 }),
  integer: () => ({ kind: "integer", bits: 32 }),
  bigint: () => ({ kind: "integer", bits: 64 }),
  real: () => ({ kind: "float", bits: 32 }),
  double: () => ({ kind: "float", bits: 64 }),
  decimal: ([precision, scale]) => ({ kind: "decimal", precision: Number(precision), scale: Number(scale) }),
  date: () => ({ kind: "date" }),
  time: ([precision], hasZone) => timeType(precision, hasZone),
  timestamp: ([precision], hasZone) => timestampType(precision, hasZone),
  varbinary: () => ({ kind: "binary" }),
  varchar: () => text,
  char: () => text,
  array: ([element = ""]) => ({ kind: "list", element: columnType(element) }),
  row: (words) => ({ kind: "struct", fields: words.map(fieldType) }),
  map: ([key = "", value = ""]) => mapType(columnType(key), columnType(value)),
};

/** Never throws: what it does not know is text. */
export function columnType(type: string): ColumnType {
  const [, name = "", words, zone] = /^([a-z]+)(?:\((.*)\))?( with time zone)?$/s.exec(type) ?? [];
  const reader = Object.hasOwn(readers, name) ? readers[name] : undefined;
  return reader?.(words === undefined ? [] : topLevelWords(words), zone !== undefined) ?? text;
}

/** The parts between the commas that are in no brackets and no quotes. */
function topLevelWords(words: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const [sign] of words.matchAll(/"(?:[^"]|"")*"|./gs)) {
    if (sign === "(") depth += 1;
    if (sign === ")") depth -= 1;
    if (sign === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += sign;
  }
  return parts.map((part) => part.trim());
}

/** `name type`, `"a name" type`, or a type alone, whose field is named by its place as in Trino. */
function fieldType(field: string, index: number): { name: string; type: ColumnType } {
  const [, quoted, plain, type] = /^(?:"((?:[^"]|"")+)"|([^\s"(]+)) (.+)$/s.exec(field) ?? [];
  const isTypeAlone = type === undefined || /^(with|year|day) /.test(type);
  if (isTypeAlone) return { name: `field${index}`, type: columnType(field) };
  return { name: quoted?.replaceAll('""', '"') ?? plain ?? "", type: columnType(type) };
}

function timeType(precision: string | undefined, hasZone: boolean): ColumnType {
  const digits = unitOf(precision);
  return digits === undefined || hasZone ? text : { kind: "time", digits };
}

function timestampType(precision: string | undefined, isUtc: boolean): ColumnType {
  const digits = unitOf(precision);
  return digits === undefined ? text : { kind: "timestamp", digits, isUtc };
}

/** The smallest unit that holds all digits; picoseconds have none. */
function unitOf(precision = "3"): Digits | undefined {
  return ([0, 3, 6, 9] as const).find((digits) => digits >= Number(precision));
}

/** Trino sends the keys of a map as text, from which these can be read again. */
const keyKinds: readonly ColumnType["kind"][] = ["text", "boolean", "integer", "decimal", "date"];

function mapType(key: ColumnType, value: ColumnType): ColumnType {
  return keyKinds.includes(key.kind) ? { kind: "map", key, value } : text;
}
