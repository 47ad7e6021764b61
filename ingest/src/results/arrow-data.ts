/** Values as Arrow's arrays. The library's own builders are not used: they take times as numbers of milliseconds. */
import { Data, type DataType } from "apache-arrow";
import { arrowType, entriesType } from "./arrow-type.ts";
import type { ColumnType, Kind } from "./column-type.ts";
import type { Value } from "./value.ts";

/** The buffers of an array, but for the bits that say which values are there. */
type Buffers = [starts: Int32Array | undefined, values: ArrayBufferView | undefined];

/** One column, or one level of a nested one. `values` are as `Value` says for the type. */
export function arrowData(type: ColumnType, values: Value[]): Data {
  const arrow = arrowType(type);
  const nullCount = values.reduce<number>((count, value) => count + (value === null ? 1 : 0), 0);
  const present = nullCount > 0 ? bits(values, (value) => value !== null) : undefined;
  const data = (buffers: Buffers, children: Data[] = []) =>
    new Data(arrow, 0, values.length, nullCount, [...buffers, present] as never, children);
  switch (type.kind) {
    case "nothing":
      return new Data(arrow, 0, values.length, values.length);
    case "boolean":
      return data([undefined, bits(values, (value) => value === true)]);
    case "decimal":
      return data([undefined, decimals(values as (bigint | null)[])]);
    case "binary":
    case "text":
      return data(texts(values as (string | Uint8Array | null)[]));
    case "list":
    case "map":
      return data([starts(lists(values)), undefined], [members(type, lists(values).flat())]);
    case "struct":
      return data([undefined, undefined], fields(type.fields, lists(values)));
    default:
      return data([undefined, numbers(arrow, values as (number | bigint | null)[])]);
  }
}

/** One bit per value, the first one in the lowest place. */
function bits(values: Value[], isSet: (value: Value) => boolean): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(values.length / 8));
  for (const [index, value] of values.entries()) {
    if (isSet(value)) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
  }
  return bytes;
}

/** Whatever has as many bits in each value: integers, floats, dates and times. */
function numbers(type: DataType, values: (number | bigint | null)[]): ArrayBufferView {
  const array = new type.ArrayType(values.length);
  const convert = array instanceof BigInt64Array ? BigInt : Number;
  for (const [index, value] of values.entries()) if (value !== null) array[index] = convert(value);
  return array;
}

/** 128 bits each, the lower half first; seen as the words of 32 bits that the library counts in. */
function decimals(values: (bigint | null)[]): ArrayBufferView {
  const halves = new BigInt64Array(values.length * 2);
  for (const [index, value] of values.entries()) {
    halves[index * 2] = BigInt.asIntN(64, value ?? 0n);
    halves[index * 2 + 1] = (value ?? 0n) >> 64n;
  }
  return new Uint32Array(halves.buffer);
}

function texts(values: (string | Uint8Array | null)[]): Buffers {
  const parts = values.map((value) =>
    typeof value === "string" ? Buffer.from(value) : (value ?? Buffer.alloc(0)),
  );
  return [starts(parts), Buffer.concat(parts)];
}

/** Where each value starts, and where the last one ends. */
function starts(parts: { length: number }[]): Int32Array {
  const places = new Int32Array(parts.length + 1);
  for (const [index, { length }] of parts.entries()) places[index + 1] = (places[index] ?? 0) + length;
  return places;
}

const lists = (values: Value[]) => values.map((value) => (value ?? []) as Value[]);

/** What all lists of a column hold, end to end. */
function members(type: Kind<"list" | "map">, values: Value[]): Data {
  if (type.kind === "list") return arrowData(type.element, values);
  const pairs = fields([{ type: type.key }, { type: type.value }], values as Value[][]);
  return new Data(entriesType(type), 0, values.length, 0, undefined, pairs);
}

const fields = (types: { type: ColumnType }[], rows: Value[][]): Data[] =>
  types.map(({ type }, index) =>
    arrowData(
      type,
      rows.map((row) => row[index] ?? null),
    ),
  );
