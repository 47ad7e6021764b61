/** JSON objects as rows of CSV, from bytes to bytes. */
import { bronzeColumnNames } from "./column-names.ts";
import type { JsonObject, Span } from "./json-object.ts";
import { plainDialect, type RejectReason } from "./record.ts";

/** Objects with the same keys in the same order. */
export interface Shape {
  /** As they stand in the file, without quotes. */
  readonly keys: readonly Buffer[];
  /** As bronze spells them; undefined if a key is there twice. */
  readonly names: readonly string[] | undefined;
}

/** More than this many are not remembered: then keys are data. */
const maximumShapes = 1000;

/** Knows the shape of an object again: most objects have that of the one before. */
export class Shapes {
  readonly #known = new Map<string, Shape>();
  #last: Shape | undefined;

  of(bytes: Buffer, object: JsonObject): Shape {
    if (this.#last && hasKeys(bytes, object, this.#last.keys)) return this.#last;
    const spans = object.members.slice(0, object.count).map(({ key }) => key);
    const text = JSON.stringify(spans.map(({ start, end }) => bytes.toString("latin1", start, end)));
    let shape = this.#known.get(text);
    if (shape === undefined) {
      if (this.#known.size >= maximumShapes) this.#known.clear();
      shape = createShape(bytes, spans);
      this.#known.set(text, shape);
    }
    this.#last = shape;
    return shape;
  }
}

function hasKeys(bytes: Buffer, { count, members }: JsonObject, keys: readonly Buffer[]): boolean {
  if (count !== keys.length) return false;
  for (let index = 0; index < count; index++) {
    const { start, end } = (members[index] as (typeof members)[number]).key;
    const key = keys[index] as Buffer;
    if (end - start !== key.length) return false;
    for (let offset = 0; offset < key.length; offset++)
      if (bytes[start + offset] !== key[offset]) return false;
  }
  return true;
}

function createShape(bytes: Buffer, spans: Span[]): Shape {
  const decoded = spans.map((span) =>
    span.kind === "escaped" ? span.text : bytes.toString("utf8", span.start, span.end),
  );
  const hasTwice = new Set(decoded).size < decoded.length;
  return {
    keys: spans.map(({ start, end }) => Buffer.from(bytes.subarray(start, end))),
    names: hasTwice ? undefined : bronzeColumnNames(decoded),
  };
}

/** The reason if an object of this shape is no row. */
export const rejectionOf = ({ names }: Shape): RejectReason | undefined =>
  names === undefined ? "duplicate_key" : undefined;

const quote = 0x22;
const comma = 0x2c;
const lineFeed = 0x0a;
const nullText = Buffer.from(plainDialect.nullText ?? "");

/** Rows in the plain dialect, one behind the other. */
export class RowBuffer {
  bytes = Buffer.allocUnsafe(1_048_576);
  length = 0;

  /** `memberOf`: for each column the member that has its value, or -1. */
  append(source: Buffer, { members }: JsonObject, memberOf: Int32Array): void {
    for (let column = 0; column < memberOf.length; column++) {
      const member = memberOf[column] as number;
      const value = member < 0 ? undefined : members[member]?.value;
      if (column > 0) this.#put(comma);
      if (value === undefined || value.kind === "null") this.#copy(nullText, 0, nullText.length);
      else this.#append(source, value);
    }
    if (memberOf.length === 0) this.#copy(noValue, 0, noValue.length);
    this.#put(lineFeed);
  }

  #append(source: Buffer, { kind, start, end, text }: Span): void {
    this.#put(quote);
    if (kind === "plain") this.#copy(source, start, end);
    else if (kind === "nested") this.#copyDoubled(source, start, end);
    else {
      const decoded = Buffer.from(text);
      this.#copyDoubled(decoded, 0, decoded.length);
    }
    this.#put(quote);
  }

  #put(byte: number): void {
    if (this.length === this.bytes.length) this.#reserve(1);
    this.bytes[this.length++] = byte;
  }

  #copy(source: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    const target = this.bytes;
    let length = this.length;
    // a call of copy costs more than a short loop
    if (end - start > 64) length += source.copy(target, length, start, end);
    else for (let position = start; position < end; position++) target[length++] = source[position] as number;
    this.length = length;
  }

  #copyDoubled(source: Buffer, start: number, end: number): void {
    this.#reserve(2 * (end - start));
    for (let position = start; position < end; position++) {
      const byte = source[position] as number;
      if (byte === quote) this.bytes[this.length++] = quote;
      this.bytes[this.length++] = byte;
    }
  }

  #reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.length + count));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}

/** A record of no column would be a blank line. */
const noValue = Buffer.from('""');
