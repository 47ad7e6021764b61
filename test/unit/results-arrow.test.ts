/** Results as Arrow, read back by the library's own reader; its numbers are taken as they are counted. */
import { type Data, RecordBatchReader, Type, Vector } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringifyExactly } from "../../ingest/src/json.ts";
import { exportFormats, resultFormats } from "../../ingest/src/results/formats.ts";
import type { Cell, Table } from "../../ingest/src/trino.ts";
import { bytesOf, resultPages, typeCases } from "../fixtures/results.ts";

const stream = resultFormats.arrow.encode;

async function read(parts: AsyncIterable<string | Uint8Array>) {
  const reader = RecordBatchReader.from(await bytesOf(parts)).open();
  const { schema } = reader;
  return { schema, batches: [...reader] };
}

/** The values of a column in all batches, and its type as text. */
async function column(type: string, cells: Cell[], encode = stream) {
  const rows = cells.map((cell) => [cell]);
  const { schema, batches } = await read(encode(resultPages([{ name: "a", type }], rows)));
  return {
    type: String(schema.fields[0]?.type),
    values: batches.flatMap(({ data }) => cells.map((_, index) => valueAt(data.children[0], index))),
  };
}

function valueAt(data: Data | undefined, index: number): unknown {
  if (!data || data.typeId === Type.Null || !data.getValid(index)) return null;
  if (data.typeId === Type.Decimal) return wholeOf(data.values.subarray(index * 4, index * 4 + 4));
  const asCounted = [Type.Int, Type.Float, Type.Date, Type.Time, Type.Timestamp];
  if (asCounted.includes(data.typeId)) return data.values[index];
  const value = new Vector([data]).get(index);
  return data.children.length > 0 ? stringifyExactly(value) : value;
}

const wholeOf = (words: Uint32Array) =>
  BigInt.asIntN(
    128,
    words.reduceRight((whole, word) => (whole << 32n) | BigInt(word), 0n),
  );

describe("each type", () => {
  it.each(typeCases)("should be exact: $type $cell", async ({ type, cell, arrow, value }) => {
    for (const encode of [stream, exportFormats.arrow.encode]) {
      const found = await column(type, [cell, null, cell], encode);
      expect(found.type).toBe(arrow);
      expect(found.values).toEqual([value, null, value]);
    }
  });

  it.each([
    ["timestamp(3) with time zone", "2024-11-03 01:30:00.000 America/New_York", /AT TIME ZONE 'UTC'/],
    ["timestamp(9)", "2263-01-01 00:00:00.000000000", /AS varchar/],
    ["decimal(5,2)", "1.234", /AS varchar/],
    ["decimal(5,2)", "1.2", /AS varchar/],
    ["date", "tomorrow", /AS varchar/],
    ["array(bigint)", "no list", /AS varchar/],
  ])("should be refused where it cannot be exact: %s %s", async (type, cell, next) => {
    await expect(column(type, [cell])).rejects.toMatchObject({
      message: expect.stringMatching(/^column a: expected .*, found '/),
      next: expect.stringMatching(next),
      exitCode: 1,
    });
  });
});

describe("any value", () => {
  const two63 = 2n ** 63n;
  const micros = fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n });

  it("should come back: bigint", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(fc.bigInt({ min: -two63, max: two63 - 1n }))), async (values) => {
        expect((await column("bigint", values)).values).toEqual(values);
      }),
    );
  });

  it("should come back: timestamp", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(micros)), async (values) => {
        const cells = values.map((value) => (value === null ? null : `${timestampText(value)} UTC`));
        expect((await column("timestamp(6) with time zone", cells)).values).toEqual(values);
      }),
    );
  });

  it("should come back: decimal", async () => {
    const limit = 10n ** 38n - 1n;
    const whole = fc.bigInt({ min: -limit, max: limit });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(whole)), fc.nat(37), async (values, scale) => {
        const cells = values.map((value) => (value === null ? null : decimalText(value, scale)));
        expect((await column(`decimal(38,${scale})`, cells)).values).toEqual(values);
      }),
    );
  });

  it("should come back: text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(fc.string({ unit: "grapheme" }))), async (values) => {
        expect((await column("varchar", values)).values).toEqual(values);
      }),
    );
  });
});

/** As Trino prints it; the date is JavaScript's, the microseconds are what its dates lack. */
function timestampText(micros: bigint): string {
  const rest = ((micros % 1000n) + 1000n) % 1000n;
  const date = new Date(Number((micros - rest) / 1000n)).toISOString();
  return `${date.replace("T", " ").replace("Z", "")}${String(rest).padStart(3, "0")}`;
}

function decimalText(value: bigint, scale: number): string {
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  const point = digits.length - scale;
  return `${value < 0n ? "-" : ""}${digits.slice(0, point)}${scale > 0 ? `.${digits.slice(point)}` : ""}`;
}

describe("a result", () => {
  const columns = [
    { name: "title", type: "varchar" },
    { name: "gross", type: "bigint" },
  ];

  it.each([
    ["stream", stream],
    ["file", exportFormats.arrow.encode],
  ])("should have its columns without a row: %s", async (_, encode) => {
    const { schema, batches } = await read(encode(resultPages(columns)));
    expect(batches.reduce((sum, { numRows }) => sum + numRows, 0)).toBe(0);
    expect(schema.fields.map(({ name, type }) => `${name} ${type}`)).toEqual(["title Utf8", "gross Int64"]);
  });

  it("should keep columns of one name apart", async () => {
    const same = [
      { name: "a", type: "bigint" },
      { name: "a", type: "varchar" },
    ];
    const { batches } = await read(stream(resultPages(same, [[1, "x"]])));
    expect(batches[0]?.data.children.map((data) => valueAt(data, 0))).toEqual([1n, "x"]);
  });

  it("should join small pages and keep their order", async () => {
    const rows = Array.from({ length: 7 }, (_, index): Cell[] => [`film ${index}`, index]);
    const { batches } = await read(stream(resultPages(columns, rows.slice(0, 3), [], rows.slice(3))));
    expect(batches).toHaveLength(1);
    expect([...(batches[0]?.getChildAt(1) ?? [])]).toEqual(rows.map((_, index) => BigInt(index)));
  });

  it("should be cut into batches by rows and by characters", async () => {
    const rows = Array.from({ length: 120_001 }, (_, index): Cell[] => ["", index]);
    const manyRows = await read(stream(resultPages(columns, rows)));
    expect(manyRows.batches.map(({ numRows }) => numRows)).toEqual([50_000, 50_000, 20_001]);
    const longText = "x".repeat(5_000_000);
    const longRows = Array.from({ length: 5 }, (): Cell[] => [longText, 1]);
    const manyCharacters = await read(stream(resultPages(columns, longRows)));
    expect(manyCharacters.batches.map(({ numRows }) => numRows)).toEqual([4, 1]);
  });

  it("should ask for a page only when the ones before are written", async () => {
    let asked = 0;
    async function* pages(): AsyncGenerator<Table> {
      for (asked = 1; asked <= 3; asked += 1) {
        yield { columns, rows: Array.from({ length: 50_000 }, () => ["a", 1]) };
      }
    }
    const parts = stream(pages());
    for (const expected of [1, 2, 3]) {
      const { value } = await parts.next();
      expect(value?.length).toBeGreaterThan(50_000 * 8);
      expect(asked).toBe(expected);
    }
  });
});
