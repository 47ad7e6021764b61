import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deliver } from "../fixtures/delivery.ts";
import { jsonCases, refusedJson } from "../fixtures/json.ts";

describe("json", () => {
  it.each(jsonCases)("should read $name", async ({ content, expected, options }) => {
    expect(await deliver("json", content, options)).toEqual(expected);
  });

  it.each(jsonCases)("should read $name, byte by byte", async ({ content, expected, options }) => {
    expect(await deliver("json", content, { ...options, chunkBytes: 1 })).toEqual(expected);
  });

  it.each(refusedJson)("should refuse $name", async ({ content, message }) => {
    const refusal = { message: expect.stringMatching(message), exitCode: 3, next: expect.any(String) };
    await expect(deliver("json", content)).rejects.toMatchObject(refusal);
    await expect(deliver("json", content, { chunkBytes: 1 })).rejects.toMatchObject(refusal);
  });

  it("should give objects back as they were written", async () => {
    const objects = fc.array(fc.record({ a: fc.string({ unit: "grapheme" }), b: fc.jsonValue() }));
    await fc.assert(
      fc.asyncProperty(
        objects,
        fc.nat({ max: 3 }),
        fc.integer({ min: 1, max: 20 }),
        async (written, indent, chunkBytes) => {
          const read = await deliver("json", JSON.stringify(written, null, indent), { chunkBytes });
          expect(read.rejects).toEqual([]);
          expect(read.rows.map(([, a]) => a)).toEqual(written.map(({ a }) => a));
          expect(read.rows.map(([, , b]) => b)).toEqual(written.map(({ b }) => spelled(b)));
        },
      ),
    );

    function spelled(value: unknown): unknown {
      if (value === null || typeof value === "string") return value;
      return expect.toSatisfy((text) => JSON.stringify(JSON.parse(text)) === JSON.stringify(value));
    }
  });

  it("should refuse or read the same whatever the chunks", async () => {
    const signs = ["{", "}", "[", "]", '"', ":", ",", "\\", "1", "a", "\n", "\r", '{"a":1}', '{"a":"', "🎬"];
    const dirt = fc.string({ unit: fc.constantFrom(...signs), maxLength: 30 });
    const outcome = (text: string, chunkBytes: number) =>
      deliver("json", text, { chunkBytes, maximumRecordLength: 12 }).catch((error) => error.exitCode);
    await fc.assert(
      fc.asyncProperty(dirt, fc.integer({ min: 1, max: 9 }), async (text, chunkBytes) => {
        const whole = await outcome(`[${text}]`, 65_536);
        expect(await outcome(`[${text}]`, chunkBytes)).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });
});
