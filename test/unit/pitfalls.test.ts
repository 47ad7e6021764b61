/**
 * Ways in which readers of CSV and JSON lose rows or change values without a word, each seen in a library: DuckDB 1.5
 * where nothing else is said. None may come back, so each file goes the whole way into Parquet here.
 */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { FormatName } from "../../ingest/src/read/formats.ts";
import type { ReadOptions } from "../../ingest/src/read/record.ts";
import { createLoader, inShort, type Loader } from "../fixtures/load.ts";

let loader: Loader;
beforeAll(async () => {
  loader = await createLoader();
});
afterAll(() => loader.close());
beforeEach(() => loader.store.keys.clear());

const load = async (content: string | Buffer, options?: ReadOptions, format: FormatName = "csv") =>
  inShort(await loader.load(format, content, options));
const rowsOf = async (content: string | Buffer, options?: ReadOptions) => (await load(content, options)).rows;
const one = [[1, "1", "2", "3"]];

describe("CSV", () => {
  it("should lose one line to an unclosed quote, not the 36,000 rows behind it", async () => {
    const line = (row: number) => (row === 20_000 ? `"open${row},x,y` : `v${row},some text here,${row * 7}`);
    const lines = Array.from({ length: 60_000 }, (_, index) => line(index + 1));
    const { rows, rejects } = await load(`a,b,c\n${lines.join("\n")}\n`);
    expect(rejects).toEqual([[20_000, 20_001, "unclosed_quote", '"open20000,x,y']]);
    expect(rows).toHaveLength(59_999);
    expect(rows.at(-1)).toEqual([60_000, "v60000", "some text here", "420000"]);
  });

  it("should refuse a gzip file that is cut off, or whose checksum is wrong, and leave no object of it", async () => {
    const whole = gzipSync(`a,b,c\n${"1,2,3\n".repeat(100_000)}`);
    const wrong = Buffer.from(whole);
    wrong[wrong.length - 7] = (wrong[wrong.length - 7] ?? 0) ^ 1;
    for (const broken of [whole.subarray(0, whole.length / 2), wrong]) {
      await expect(load(broken)).rejects.toMatchObject({ exitCode: 3 });
      expect([...loader.store.keys]).toEqual([]);
      expect(await loader.leftovers()).toEqual([]);
    }
  });

  it("should read gzip under the name .csv", async () => {
    expect(await rowsOf(gzipSync("a,b,c\n1,2,3\n"))).toEqual(one);
  });

  it("should read UTF-16 of both byte orders", async () => {
    const little = Buffer.from("\uFEFFa,b,c\n1,2,3\n", "utf16le");
    expect(await rowsOf(little)).toEqual(one);
    expect(await rowsOf(Buffer.from(little).swap16())).toEqual(one);
  });

  it("should put values under their own names when columns change places", async () => {
    const { columns, rows } = await load("b,a,c\n1,2,3\n");
    expect([columns, ...rows]).toEqual([
      ["b", "a", "c"],
      [1, "1", "2", "3"],
    ]);
  });

  it("should read mixed line ends, also a lone CR", async () => {
    const rows = [...one, [2, "4", "5", "6"], [3, "7", "8", "9"]];
    expect(await rowsOf("a,b,c\r\n1,2,3\n4,5,6\r\n7,8,9")).toEqual(rows);
    expect(await rowsOf("a,b,c\n1,2,3\r4,5,6\n7,8,9\r\n")).toEqual(rows);
    expect(await rowsOf("a,b,c\r1,2,3\r4,5,6\r7,8,9\r")).toEqual(rows);
  });

  it("should drop neither extra fields nor text behind a quote", async () => {
    const { rows, rejects } = await load('a,b,c\n1,2,3,LOST\n4,"5"x,6\n7,8,9\n');
    expect(rows).toEqual([[3, "7", "8", "9"]]);
    expect(rejects.map(([, , reason]) => reason)).toEqual(["too_many_fields", "broken_quoting"]);
  });

  it("should keep blanks around quotes, which then are ordinary signs", async () => {
    expect(await rowsOf('a,b,c\n1, "x" ,3\n4,5 ,"6"\n')).toEqual([
      [1, "1", ' "x" ', "3"],
      [2, "4", "5 ", "6"],
    ]);
  });

  it("should give the physical line of a reject, behind line breaks in quotes and blank lines", async () => {
    const { rows, rejects } = await load('a,b,c\n"1\n1",2,3\n\n4,5\n6,7,8\n');
    expect(rows).toEqual([
      [1, "1\n1", "2", "3"],
      [3, "6", "7", "8"],
    ]);
    expect(rejects).toEqual([[2, 5, "too_few_fields", "4,5"]]);
  });

  it("should keep the bytes of what is not UTF-8, and read windows-1252 if told", async () => {
    const bytes = Buffer.from("a,b,c\ncaf\xe9,\x80,3\n", "latin1");
    const { rejects } = await load(bytes);
    expect(rejects).toEqual([[1, 2, "invalid_encoding", "caf\uFFFD,\uFFFD,3", bytes.subarray(6, -1)]]);
    expect(await rowsOf(bytes, { encoding: "windows-1252" })).toEqual([[1, "café", "€", "3"]]);
  });

  it("should tell the empty text from null, and keep words that other readers take for null", async () => {
    expect(await rowsOf('a,b,c\n1,,""\nNULL,NA,\\N\nnan,null,None\n')).toEqual([
      [1, "1", "", ""],
      [2, "NULL", "NA", "\\N"],
      [3, "nan", "null", "None"],
    ]);
  });

  it("should lose no good row behind a stray quote (csv-parse)", async () => {
    expect(await rowsOf('a,b,c\n"ab"c,2,3\n4,5,6\n')).toEqual([[2, "4", "5", "6"]]);
  });

  it("should not glue a short row to the next one (udsv, papaparse)", async () => {
    const { rows, rejects } = await load("a,b,c\n1,2\n4,5,6\n1,2,3,4\n");
    expect(rows).toEqual([[2, "4", "5", "6"]]);
    expect(rejects.map(([, line, , raw]) => [line, raw])).toEqual([
      [2, "1,2"],
      [4, "1,2,3,4"],
    ]);
  });

  it("should keep what looks like a comment, a date, a number or a list as it is spelled", async () => {
    const values = ["# 1", "2024-1-5", "01.50", "1e3", "[1]", "{'a': 1}", "true", "+1", "0x1", "-"];
    const content = `${values.map((_, index) => `c${index}`).join()}\n${values.join()}\n`;
    expect(await rowsOf(content)).toEqual([[1, ...values]]);
  });
});

describe("JSON", () => {
  const loadJson = (content: string) => load(content, {}, "json");

  it("should keep the spelling of numbers, and every key", async () => {
    const content =
      '[{"n":1.10,"x":"KEPT"},{"n":0.1000000000000000055},{"n":-0},{"n":9.0},{"n":12345678901234567890}]';
    const { columns, rows } = await loadJson(content);
    expect(columns).toEqual(["n", "x"]);
    expect(rows.map(([, n]) => n)).toEqual([
      "1.10",
      "0.1000000000000000055",
      "-0",
      "9.0",
      "12345678901234567890",
    ]);
    expect(rows[0]?.[2]).toBe("KEPT");
  });

  it("should lose one element to a fault in it: bad syntax, half a surrogate pair, a key twice", async () => {
    const content = '[{"n":1},oops,{"n":"\\ud83c"},{"n":1,"n":2},{"n":2}]';
    const { rows, rejects } = await loadJson(content);
    expect(rows).toEqual([
      [1, "1"],
      [5, "2"],
    ]);
    expect(rejects.map(([, , reason]) => reason)).toEqual([
      "invalid_json",
      "invalid_unicode",
      "duplicate_key",
    ]);
  });

  it("should not lose keys to their case", async () => {
    expect((await loadJson('[{"N":1},{"n":2}]')).rows.map(([, n]) => n)).toEqual(["1", "2"]);
  });
});
