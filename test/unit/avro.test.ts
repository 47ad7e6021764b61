import { deflateRawSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readAvro } from "../../ingest/src/maintain/avro.ts";
import { avroFile, counted, long } from "../fixtures/avro.ts";

const schema = {
  type: "record",
  name: "entry",
  fields: [
    { name: "status", type: "int" },
    { name: "snapshot_id", type: ["null", "long"] },
    {
      name: "data_file",
      type: {
        type: "record",
        name: "file",
        fields: [
          { name: "file_path", type: "string" },
          { name: "partition", type: { type: "record", name: "r102", fields: [] } },
          { name: "split_offsets", type: ["null", { type: "array", items: "long" }] },
          { name: "counts", type: { type: "map", values: "long" } },
          { name: "key", type: { type: "fixed", name: "key", size: 2 } },
          { name: "share", type: "double" },
          { name: "isThere", type: "boolean" },
        ],
      },
    },
  ],
};

const share = Buffer.alloc(8);
share.writeDoubleLE(0.5);
const entry = (path: string, id: bigint) =>
  Buffer.concat([
    long(1),
    Buffer.concat([long(1), long(id)]),
    counted(path),
    // An array in two blocks, of which the second tells its size; an empty map.
    Buffer.concat([long(1), long(1), long(4), long(-1), long(1), long(-5), long(0)]),
    long(0),
    Buffer.from("ab"),
    share,
    Buffer.from([1]),
  ]);

const big = 8535196482606253332n;
const blocks = [[entry("s3://w/a", big)], [entry("s3://w/b", -3n), entry("s3://w/c", 4n)]];
const codecs: [string, (bytes: Buffer) => Buffer][] = [
  ["null", (bytes) => bytes],
  ["deflate", (bytes) => deflateRawSync(bytes)],
  ["zstandard", (bytes) => zstdCompressSync(bytes)],
];

describe("an Avro file", () => {
  it.each(codecs)("should be read with codec %s, to the last digit", (codec, compress) => {
    const records = readAvro(avroFile(schema, codec, compress, blocks));
    expect(records.map(({ snapshot_id }) => snapshot_id)).toEqual([big, -3, 4]);
    expect(records[0]).toEqual({
      status: 1,
      snapshot_id: big,
      data_file: {
        file_path: "s3://w/a",
        partition: {},
        split_offsets: [4, -5],
        counts: {},
        key: Buffer.from("ab"),
        share: 0.5,
        isThere: true,
      },
    });
  });

  it("should be refused when it is cut off anywhere in a block, damaged, or something else", () => {
    const whole = avroFile(schema, "null", (bytes) => bytes, blocks);
    const headerEnd = avroFile(schema, "null", (bytes) => bytes, []).length;
    for (let length = headerEnd + 1; length < whole.length; length += 1) {
      if (
        length ===
        headerEnd + avroFile(schema, "null", (bytes) => bytes, blocks.slice(0, 1)).length - headerEnd
      )
        continue;
      expect(() => readAvro(whole.subarray(0, length)), `${length} bytes`).toThrow();
    }
    const damaged = Buffer.from(whole);
    damaged.fill(0, damaged.length - 4);
    expect(() => readAvro(damaged)).toThrow("a block does not end where it should");
    expect(() => readAvro(Buffer.from("PAR1, not this"))).toThrow("not an Avro file");
    expect(() => readAvro(avroFile(schema, "snappy", (bytes) => bytes, blocks))).toThrow(
      "unknown codec snappy",
    );
  });
});
