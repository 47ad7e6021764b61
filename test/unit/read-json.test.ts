import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonObject } from "../../ingest/src/read/json-object.ts";
import { deliver } from "../fixtures/delivery.ts";
import { jsonCases, linesCases, refusedJson } from "../fixtures/json.ts";

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

  it.each(linesCases)("should read lines: $name", async ({ content, expected, options }) => {
    expect(await deliver("ndjson", content, options)).toEqual(expected);
    expect(await deliver("ndjson", content, { ...options, chunkBytes: 1 })).toEqual(expected);
  });

  it("should take for JSON what JavaScript takes for JSON", () => {
    const signs = [
      "{",
      "}",
      "[",
      "]",
      '"a"',
      ":",
      ",",
      "\\",
      "1",
      "0",
      "-",
      ".",
      "e",
      "null",
      " ",
      '"',
      "\t",
      '{"a":',
    ];
    const object = new JsonObject();
    const isObject = (text: string) => {
      try {
        const value = JSON.parse(text);
        return typeof value === "object" && value !== null && !Array.isArray(value)
          ? "good"
          : "not_an_object";
      } catch {
        return "invalid_json";
      }
    };
    const text = fc.string({ unit: fc.constantFrom(...signs), maxLength: 12 });
    const member = fc.tuple(text, text).map(([left, right]) => `{"a":${left},"b":${right}}`);
    fc.assert(
      fc.property(fc.oneof(text, member, fc.json()), (given) => {
        const trimmed = given.replaceAll(/^[ \t]+|[ \t]+$/g, "");
        const bytes = Buffer.from(`${trimmed}, `);
        expect(object.read(bytes, 0, bytes.length - 2)).toBe(isObject(trimmed));
      }),
      { numRuns: 5000 },
    );
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
