/** Arrow's type for each kind of column. */
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Field,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  Map_,
  Null,
  Struct,
  Time,
  Timestamp,
  TimeUnit,
  Utf8,
} from "apache-arrow";
import { type ColumnType, type Kind, ofKind, type PerKind } from "./column-type.ts";

const integers = { 8: Int8, 16: Int16, 32: Int32, 64: Int64 };
const units = {
  0: TimeUnit.SECOND,
  3: TimeUnit.MILLISECOND,
  6: TimeUnit.MICROSECOND,
  9: TimeUnit.NANOSECOND,
};
const decimalBits = 128;

const types: PerKind<[], DataType> = {
  nothing: () => new Null(),
  boolean: () => new Bool(),
  integer: ({ bits }) => new integers[bits](),
  float: ({ bits }) => (bits === 32 ? new Float32() : new Float64()),
  decimal: ({ precision, scale }) => new Decimal(scale, precision, decimalBits),
  date: () => new DateDay(),
  // Arrow wants seconds and milliseconds of a day in 32 bits.
  time: ({ digits }) => new Time(units[digits], digits <= 3 ? 32 : 64),
  timestamp: ({ digits, isUtc }) => new Timestamp(units[digits], isUtc ? "UTC" : null),
  binary: () => new Binary(),
  text: () => new Utf8(),
  list: ({ element }) => new List(arrowField("item", element)),
  struct: ({ fields }) => new Struct(fields.map(({ name, type }) => arrowField(name, type))),
  map: (type) => new Map_(new Field("entries", entriesType(type), false)),
};

export const arrowType = (type: ColumnType): DataType => ofKind(types, type)(type);

export const arrowField = (name: string, type: ColumnType) => new Field(name, arrowType(type), true);

/** Of the pairs of a map only the values may be null. */
export function entriesType({ key, value }: Kind<"map">) {
  const fields = [new Field("key", arrowType(key), false), arrowField("value", value)];
  return new Struct<{ key: DataType; value: DataType }>(fields);
}
