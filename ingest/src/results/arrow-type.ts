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
import type { ColumnType } from "./column-type.ts";

export type Kind<K extends ColumnType["kind"]> = Extract<ColumnType, { kind: K }>;

const integers = { 8: Int8, 16: Int16, 32: Int32, 64: Int64 };
const units = {
  0: TimeUnit.SECOND,
  3: TimeUnit.MILLISECOND,
  6: TimeUnit.MICROSECOND,
  9: TimeUnit.NANOSECOND,
};
const decimalBits = 128;

export function arrowType(type: ColumnType): DataType {
  switch (type.kind) {
    case "nothing":
      return new Null();
    case "boolean":
      return new Bool();
    case "integer":
      return new integers[type.bits]();
    case "float":
      return type.bits === 32 ? new Float32() : new Float64();
    case "decimal":
      return new Decimal(type.scale, type.precision, decimalBits);
    case "date":
      return new DateDay();
    case "time":
      // Arrow wants seconds and milliseconds of a day in 32 bits.
      return new Time(units[type.digits], type.digits <= 3 ? 32 : 64);
    case "timestamp":
      return new Timestamp(units[type.digits], type.isUtc ? "UTC" : null);
    case "binary":
      return new Binary();
    case "text":
      return new Utf8();
    case "list":
      return new List(arrowField("item", type.element));
    case "struct":
      return new Struct(type.fields.map((field) => arrowField(field.name, field.type)));
    case "map":
      return new Map_(new Field("entries", entriesType(type), false));
  }
}

export const arrowField = (name: string, type: ColumnType) => new Field(name, arrowType(type), true);

/** Of the pairs of a map only the values may be null. */
export function entriesType({ key, value }: Kind<"map">) {
  const fields = [new Field("key", arrowType(key), false), arrowField("value", value)];
  return new Struct<{ key: DataType; value: DataType }>(fields);
}
