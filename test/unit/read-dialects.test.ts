import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compressionOf, decompressed } from "../../ingest/src/read/compression.ts";
import type { ReadOptions } from "../../ingest/src/read/record.ts";
import { readText } from "../../ingest/src/read/text.ts";
import { deliver } from "../fixtures/delivery.ts";
import { dialectCases } from "../fixtures/dialects.ts";
import { createLoader, inShort, type Loader } from "../fixtures/load.ts";

let loader: Loader;
beforeAll(async () => {
  loader = await createLoader();
});
afterAll(() => loader.close());

describe("a dialect", () => {
  it.each(dialectCases)("should be read: $name", async ({ content, expected, options }) => {
    expect(await deliver("csv", content, options)).toEqual(expected);
  });

  it.each(dialectCases)("should be read byte by byte: $name", async ({ content, expected, options }) => {
    expect(await deliver("csv", content, { ...options, chunkBytes: 1 })).toEqual(expected);
  });

  it.each(dialectCases)("should be loaded: $name", async ({ content, expected, options }) => {
    expect(inShort(await loader.load("csv", content, options))).toEqual(expected);
  });

  it("should need no finding out in a .tsv file", async () => {
    const expected = { columns: ["a,b"], rows: [[1, "1,2"]], rejects: [] };
    expect(await deliver("tsv", "a,b\n1,2\n")).toEqual(expected);
  });
});

function* piecesOf(bytes: Buffer, pieceBytes: number): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += pieceBytes)
    yield bytes.subarray(start, start + pieceBytes);
}

describe("compressed data", () => {
  const file = { path: "/host/a.csv", hostPath: "/a.csv" };
  const bytes = Buffer.from("a,b\n".repeat(10_000));
  /** `pieceBytes`: how much comes from the disk at once. */
  const read = async (
    compressed: Buffer,
    limits: { expansion?: number } = {},
    pieceBytes = compressed.length,
  ) => {
    const compression = compressionOf(compressed) ?? expect.fail("not compressed");
    const open = (position: number) =>
      Readable.from(piecesOf(compressed.subarray(position), pieceBytes), { objectMode: false });
    const bounds = { compressedBytes: compressed.length, allowedBytes: 1000, ...limits };
    return Buffer.concat(await Array.fromAsync(decompressed(file, compression, open, bounds)));
  };

  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "reelhouse-compressed-"));
  });
  afterAll(() => rm(folder, { recursive: true }));
  /** Through one open file, whose parts share a descriptor. */
  const readFromDisk = async (compressed: Buffer, chunkBytes?: number) => {
    const path = join(folder, "a.csv");
    await writeFile(path, compressed);
    const { chunks } = readText({ path, hostPath: "/a.csv" }, chunkBytes ? { chunkBytes } : {});
    const copies: Buffer[] = [];
    for await (const chunk of chunks) copies.push(Buffer.from(chunk));
    return Buffer.concat(copies);
  };

  it.each([
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
  ])("should be refused if it is cut off, damaged or a bomb: %s", async (name, compress) => {
    const compressed = compress(bytes);
    const damaged = Buffer.from(compressed);
    damaged[damaged.length - 6] = (damaged[damaged.length - 6] ?? 0) ^ 0xff;
    const refusal = (message: string) => ({ exitCode: 3, message: expect.stringContaining(message) });
    expect((await read(compressed, { expansion: 10_000 })).equals(bytes)).toBe(true);
    await expect(read(compressed, { expansion: 5 })).rejects.toMatchObject(
      refusal(`/a.csv: ${name} data holds more than`),
    );
    for (const broken of [damaged, compressed.subarray(0, -1), compressed.subarray(0, 12)])
      await expect(read(broken, { expansion: 10_000 })).rejects.toMatchObject(
        refusal(`/a.csv: ${name} data is cut off or damaged`),
      );
  });

  const skipped = Buffer.from([0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const frame = zstdCompressSync(bytes);
  it.each([
    ["gzip: members", [gzipSync(bytes), gzipSync(bytes)], 2],
    ["gzip: zeros behind it, as tapes and block copies leave", [gzipSync(bytes), Buffer.alloc(1750)], 1],
    ["zstd: two frames", [frame, frame], 2],
    ["zstd: frames", [frame, frame, frame], 3],
    ["zstd: a skippable frame first, in the middle and last", [skipped, frame, skipped, frame, skipped], 2],
    ["zstd: a frame of nothing", [zstdCompressSync(""), frame], 1],
  ] as const)("should be read to its end, however many parts it has: %s", async (_, parts, times) => {
    const compressed = Buffer.concat(parts);
    // Where a piece ends, a part may end too.
    for (const pieceBytes of [1, 11, 22, 64, compressed.length]) {
      const found = await read(compressed, { expansion: 10_000 }, pieceBytes);
      expect(found.equals(Buffer.concat(Array(times).fill(bytes))), `${pieceBytes}`).toBe(true);
      const fromDisk = await readFromDisk(compressed, pieceBytes);
      expect(fromDisk.equals(found), `${pieceBytes} from the disk`).toBe(true);
    }
  });

  it("should be read from the disk to its end if each frame is more than one read", async () => {
    const rows = Array.from({ length: 60_000 }, (_, row) => `${row},${(row * 2654435761) % 4294967296}\n`);
    const text = Buffer.from(rows.join(""));
    const frames = Array(3).fill(zstdCompressSync(text));
    const found = await readFromDisk(Buffer.concat(frames));
    expect(found.equals(Buffer.concat([text, text, text]))).toBe(true);
  });

  const member = gzipSync(bytes);
  it.each([
    ["zstd", "a second frame cut off", frame, frame.subarray(0, 15)],
    ["zstd", "half a beginning of one", frame, frame.subarray(0, 2)],
    ["zstd", "something else", frame, Buffer.from("garbage")],
    ["zstd", "zeros", frame, Buffer.alloc(16)],
    ["gzip", "a second member cut off", member, member.subarray(0, 15)],
    ["gzip", "something else", member, Buffer.from("garbage")],
    ["gzip", "zeros and something else", member, Buffer.from(`${"\0".repeat(1750)}garbage`)],
    ["gzip", "zeros and a second member", member, Buffer.concat([Buffer.alloc(512), member])],
  ])("should be refused if behind whole %s data there is %s", async (name, _, whole, tail) => {
    const compressed = Buffer.concat([whole, tail]);
    const refusal = {
      exitCode: 3,
      message: expect.stringContaining(`/a.csv: ${name} data is cut off or damaged`),
    };
    await expect(read(compressed, { expansion: 10_000 })).rejects.toMatchObject(refusal);
    for (const chunkBytes of [1, whole.length, undefined])
      await expect(readFromDisk(compressed, chunkBytes)).rejects.toMatchObject(refusal);
  });
});

interface Table {
  rows: string[][];
  options: ReadOptions;
  lineBreak: string;
  isQuoted: boolean;
  encoding: (text: string) => Buffer;
  compress: (bytes: Buffer) => Buffer;
}

/** No first value is empty: the line of a table of one column would be blank. */
const value = fc.string({
  unit: fc.constantFrom("a", "7", " ", ",", ";", "\t", '"', "'", "\\", "\n", "\r", "é", "€"),
});
const utf16le = (text: string) => Buffer.from(`\uFEFF${text}`, "utf16le");

const table: fc.Arbitrary<Table> = fc
  .record({
    width: fc.integer({ min: 1, max: 4 }),
    delimiter: fc.constantFrom(",", ";", "\t", "|", "^"),
    quote: fc.constantFrom('"', "'", ""),
    quoteEscape: fc.constantFrom(undefined, "\\", ""),
    lineBreak: fc.constantFrom("\n", "\r\n", "\r"),
    isQuoted: fc.boolean(),
    encoding: fc.constantFrom(
      (text: string) => Buffer.from(text),
      utf16le,
      (text: string) => utf16le(text).swap16(),
    ),
    compress: fc.constantFrom((bytes: Buffer) => bytes, gzipSync, zstdCompressSync),
  })
  .chain(({ width, delimiter, quote, quoteEscape, ...rest }) =>
    fc.array(fc.array(value, { minLength: width, maxLength: width }), { maxLength: 8 }).map((rows) => {
      const isDoubled = quote === "" || quoteEscape === undefined;
      const options = { delimiter, quote, ...(isDoubled ? {} : { quoteEscape }) };
      return { ...rest, options, rows: rows.map((values) => values.map((text) => writable(text, options))) };
    }),
  );

/** `text` without the signs that its dialect has no way to write. */
function writable(text: string, { delimiter = ",", quote = '"', quoteEscape = quote }: ReadOptions): string {
  const needsQuotes = [delimiter, "\n", "\r"].some((sign) => text.includes(sign));
  if (quote === "") return (needsQuotes ? text.replaceAll(/[,;\t|^\n\r]/g, "") : text) || "a";
  const hasNoWay = quoteEscape === "" && (needsQuotes || text.startsWith(quote));
  return hasNoWay ? text.replaceAll(quote, "") : text;
}

/** The table as a file of its dialect, under the columns `c0`, `c1`, ... */
function written({ rows, options, lineBreak, isQuoted, encoding, compress }: Table, width: number): Buffer {
  const { delimiter = ",", quote = '"', quoteEscape = quote } = options;
  const special = new Set([delimiter, quote, quoteEscape, "\n", "\r"]);
  const field = (text: string) => {
    if (quote === "" || (quoteEscape === "" && text.includes(quote))) return text;
    if (!isQuoted && text !== "" && ![...text].some((sign) => special.has(sign))) return text;
    const escaped = [...text].map((sign) =>
      sign === quote || sign === quoteEscape ? quoteEscape + sign : sign,
    );
    return quote + escaped.join("") + quote;
  };
  const header = Array.from({ length: width }, (_, index) => `c${index}`);
  const lines = [header, ...rows].map((values) => values.map(field).join(delimiter) + lineBreak);
  return compress(encoding(lines.join("")));
}

describe("any table in any dialect", () => {
  const widthOf = ({ rows }: Table) => rows[0]?.length ?? 1;

  it("should come back equal from the reader, whatever the chunks", async () => {
    await fc.assert(
      fc.asyncProperty(table, fc.integer({ min: 1, max: 30 }), async (given, chunkBytes) => {
        const read = await deliver("csv", written(given, widthOf(given)), { ...given.options, chunkBytes });
        expect(read.rejects).toEqual([]);
        expect(read.rows.map(([, ...values]) => values)).toEqual(given.rows);
      }),
      { numRuns: 500 },
    );
  });

  it("should come back equal from its Parquet objects", async () => {
    await fc.assert(
      fc.asyncProperty(table, async (given) => {
        const { rows, rejects } = inShort(
          await loader.load("csv", written(given, widthOf(given)), given.options),
        );
        expect(rejects).toEqual([]);
        expect(rows).toEqual(given.rows.map((values, index) => [index + 1, ...values]));
      }),
      { numRuns: 150 },
    );
  });

  it("should be rows and rejects without a gap when it is damaged", async () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.constantFrom('"', "\n", ",", "\xff")), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(table, damage, async (given, damages) => {
        const bytes = written({ ...given, encoding: Buffer.from, compress: (all) => all }, widthOf(given));
        const header = bytes.indexOf(given.lineBreak) + given.lineBreak.length;
        for (const [place, sign] of damages)
          if (header < bytes.length) bytes[header + (place % (bytes.length - header))] = sign.charCodeAt(0);
        const expected = await deliver("csv", bytes, given.options);
        const { batch, ...loaded } = await loader.load("csv", bytes, given.options);
        expect(inShort({ batch, ...loaded })).toEqual(expected);
        const { rowsRead, rowsAccepted, rowsQuarantined } = batch.counts;
        const numbers = [...expected.rows, ...expected.rejects].map(([number]) => Number(number));
        expect([rowsAccepted, rowsQuarantined]).toEqual([expected.rows.length, expected.rejects.length]);
        expect(new Set(numbers)).toEqual(new Set(Array.from({ length: rowsRead }, (_, index) => index + 1)));
      }),
      { numRuns: 150 },
    );
  });
});
