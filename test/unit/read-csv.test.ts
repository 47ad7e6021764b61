import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvCases, refusedCsv } from "../fixtures/csv.ts";
import { deliver } from "../fixtures/delivery.ts";

describe("csv", () => {
  it.each(csvCases)("should read $name", async ({ content, expected, options }) => {
    expect(await deliver("csv", content, options)).toEqual(expected);
  });

  it.each(csvCases)("should read $name, byte by byte", async ({ content, expected, options }) => {
    expect(await deliver("csv", content, { ...options, chunkBytes: 1 })).toEqual(expected);
  });

  it.each(refusedCsv)("should refuse $name", async ({ content, message }) => {
    const refusal = { message: expect.stringMatching(message), exitCode: 3, next: expect.any(String) };
    await expect(deliver("csv", content)).rejects.toMatchObject(refusal);
    await expect(deliver("csv", content, { chunkBytes: 1 })).rejects.toMatchObject(refusal);
  });

  it("should give a table back as it was written, whatever its quotes and line breaks", async () => {
    const text = fc.string({ unit: fc.constantFrom("a", " ", ",", '"', "\n", "\r", "é", "🎬", "\uFEFF") });
    const lineBreak = fc.constantFrom("\n", "\r\n", "\r");
    const record = fc.record({ values: fc.tuple(text, text), isQuoted: fc.boolean(), lineBreak });
    await fc.assert(
      fc.asyncProperty(fc.array(record), fc.integer({ min: 1, max: 20 }), async (written, chunkBytes) => {
        const lines = written.map(({ values, isQuoted, lineBreak }) => csvLine(values, isQuoted) + lineBreak);
        const read = await deliver("csv", `x,y\n${lines.join("")}`, { chunkBytes });
        expect(read.rejects).toEqual([]);
        expect(read.rows.map(([, ...values]) => values)).toEqual(written.map(({ values }) => values));
      }),
    );
  });

  it("should number every record, and read the same whatever the chunks", async () => {
    const dirt = fc.string({
      unit: fc.constantFrom("a", ",", ",", '"', '"', "\n", "\n", "\r", "é", "🎬"),
      maxLength: 60,
    });
    const options = { maximumRecordLength: 12 };
    await fc.assert(
      fc.asyncProperty(dirt, fc.integer({ min: 1, max: 9 }), async (text, chunkBytes) => {
        const whole = await deliver("csv", `x,y\n${text}`, options);
        const numbers = [...whole.rows, ...whole.rejects].map(([rowNumber]) => Number(rowNumber));
        expect(numbers.toSorted((left, right) => left - right)).toEqual(numbers.map((_, index) => index + 1));
        expect(await deliver("csv", `x,y\n${text}`, { ...options, chunkBytes })).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  it("should always reach the last line", async () => {
    const dirt = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r", "\r\n"), maxLength: 40 });
    const sizes = {
      chunkBytes: fc.integer({ min: 1, max: 9 }),
      maximumRecordLength: fc.integer({ min: 3, max: 6 }),
    };
    await fc.assert(
      fc.asyncProperty(dirt, fc.record(sizes), async (text, options) => {
        const { rows } = await deliver("csv", `x,y\n${text}\r\nz,z`, options);
        expect(rows.at(-1)?.slice(1)).toEqual(["z", "z"]);
      }),
      { numRuns: 1000 },
    );
  });

  it("should lose no text: a reject's raw text stands at the line that it names", async () => {
    const dirt = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r\n", "é"), maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(dirt, async (text) => {
        const lines = `x,y\n${text}`.split(/\r\n|\n|\r/);
        for (const [, line, , raw] of (await deliver("csv", `x,y\n${text}`)).rejects) {
          expect(lines[Number(line) - 1]).toBe(raw);
        }
      }),
    );
  });

  it("should stay fast when every line opens a quote", async () => {
    // each line is a record that is not closed before the end of the file
    const line = 'a","\n';
    const before = process.cpuUsage();
    const { rows, rejects } = await deliver("csv", `x,y\n${line.repeat(20_000)}`);
    expect(rows.length + rejects.length).toBe(20_000);
    expect(process.cpuUsage(before).user / 1_000_000, "seconds").toBeLessThan(2);
  });
});

function csvLine(values: string[], isQuoted: boolean): string {
  const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`;
  const needsQuotes = (value: string) => isQuoted || /[",\r\n]/.test(value);
  return values.map((value) => (needsQuotes(value) ? quoted(value) : value)).join(",");
}
