/** Avro object container files, as Iceberg writes its lists of files: read whole, since each is a few megabytes at most. */
import { inflateRawSync, zstdDecompressSync } from "node:zlib";

export type AvroValue = null | boolean | number | bigint | string | Buffer | AvroValue[] | AvroRecord;
export interface AvroRecord {
  [field: string]: AvroValue;
}

type Schema = string | Schema[] | NamedSchema;
interface NamedSchema {
  type: Schema;
  name?: string;
  fields?: { name: string; type: Schema }[];
  items?: Schema;
  values?: Schema;
  symbols?: string[];
  size?: number;
}

const magic = "Obj\u0001";
const syncBytes = 16;

/** The records of a file. Throws on anything that is no such file, and on one that is cut off. */
export function readAvro(file: Buffer): AvroRecord[] {
  const reader = new Reader(file);
  if (reader.bytes(magic.length).toString("latin1") !== magic) throw new Error("not an Avro file");
  const header = readMap(reader, () => reader.counted()) as Record<string, Buffer>;
  const schema: Schema = JSON.parse(String(header["avro.schema"]));
  const codec = header["avro.codec"]?.toString() ?? "null";
  const sync = reader.bytes(syncBytes);
  const records: AvroRecord[] = [];
  while (!reader.isAtEnd) {
    const count = Number(reader.long());
    const block = new Reader(decompressed(reader.counted(), codec));
    const names = new Map<string, NamedSchema>();
    for (let index = 0; index < count; index += 1)
      records.push(readValue(block, schema, names) as AvroRecord);
    if (!reader.bytes(syncBytes).equals(sync)) throw new Error("a block does not end where it should");
  }
  return records;
}

function decompressed(block: Buffer, codec: string): Buffer {
  if (codec === "null") return block;
  if (codec === "deflate") return inflateRawSync(block);
  if (codec === "zstandard") return zstdDecompressSync(block);
  throw new Error(`unknown codec ${codec}`);
}

/** `names`: the types that were defined so far, for those that are only named later. */
function readValue(reader: Reader, schema: Schema, names: Map<string, NamedSchema>): AvroValue {
  if (Array.isArray(schema)) return readValue(reader, schema[Number(reader.long())] as Schema, names);
  if (typeof schema === "string") {
    const named = names.get(schema);
    return named ? readComplex(reader, named, names) : readPrimitive(reader, schema);
  }
  if (schema.name !== undefined) names.set(schema.name, schema);
  return readComplex(reader, schema, names);
}

function readComplex(reader: Reader, schema: NamedSchema, names: Map<string, NamedSchema>): AvroValue {
  const { type, fields = [], items, values, symbols = [], size = 0 } = schema;
  switch (type) {
    case "record":
      return Object.fromEntries(fields.map(({ name, type }) => [name, readValue(reader, type, names)]));
    case "array":
      return [...readBlocks(reader, () => readValue(reader, items as Schema, names))];
    case "map":
      return readMap(reader, () => readValue(reader, values as Schema, names));
    case "fixed":
      return reader.bytes(size);
    case "enum":
      return symbols[Number(reader.long())] ?? null;
    default:
      return readValue(reader, type, names);
  }
}

function readMap(reader: Reader, value: () => AvroValue): AvroRecord {
  const entries = readBlocks(reader, () => [reader.counted().toString("utf8"), value()] as const);
  return Object.fromEntries(entries);
}

/** Arrays and maps come in blocks: a count, negative where the block's size in bytes follows; 0 ends them. */
function* readBlocks<T>(reader: Reader, item: () => T): Generator<T> {
  for (let count = Number(reader.long()); count !== 0; count = Number(reader.long())) {
    if (count < 0) reader.long();
    for (let index = 0; index < Math.abs(count); index += 1) yield item();
  }
}

function readPrimitive(reader: Reader, type: string): AvroValue {
  switch (type) {
    case "null":
      return null;
    case "boolean":
      return reader.bytes(1)[0] === 1;
    case "int":
    case "long":
      return reader.long();
    case "float":
      return reader.bytes(4).readFloatLE();
    case "double":
      return reader.bytes(8).readDoubleLE();
    case "bytes":
      return reader.counted();
    case "string":
      return reader.counted().toString("utf8");
    default:
      throw new Error(`unknown type ${type}`);
  }
}

class Reader {
  readonly #buffer: Buffer;
  #offset = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#buffer.length;
  }

  bytes(count: number): Buffer {
    const end = this.#offset + count;
    if (end > this.#buffer.length) throw new Error("the file is cut off");
    const bytes = this.#buffer.subarray(this.#offset, end);
    this.#offset = end;
    return bytes;
  }

  /** Bytes with their number before them. */
  counted(): Buffer {
    return this.bytes(Number(this.long()));
  }

  /** A number in zigzag code, seven bits to a byte, the lowest first; a bigint where a double would lose digits. */
  long(): number | bigint {
    let bits = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.bytes(1)[0] as number;
      bits |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    const value = (bits >> 1n) ^ -(bits & 1n);
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }
}
