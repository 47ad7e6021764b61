/** What a load leaves on the object store. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { csvCases } from "../fixtures/csv.ts";
import { jsonCases } from "../fixtures/json.ts";
import { claimedAt, createLoader, fileOf, inShort, type Loader } from "../fixtures/load.ts";
import { readColumn } from "../fixtures/parquet.ts";

let loader: Loader;
beforeAll(async () => {
  loader = await createLoader();
});
afterAll(() => loader.close());

describe("bronze Parquet", () => {
  it.each(csvCases)("should hold what a CSV file says: $name", async ({ content, expected, options }) => {
    expect(inShort(await loader.load("csv", content, options))).toEqual(expected);
  });

  it.each(jsonCases)("should hold what a JSON file says: $name", async ({ content, expected, options }) => {
    expect(inShort(await loader.load("json", content, options))).toEqual(expected);
  });

  it("should carry the lineage of each row and each reject", async () => {
    const content = "a,b\n1,2\nx\n";
    const { rows, rejects } = await loader.load("csv", content);
    const batchId = createHash("sha256").update(content).digest("hex");
    const file = "/deliveries/films.csv";
    const lineage = { _source_file: file, _row_number: 1n, _batch_id: batchId, _ingested_at: claimedAt };
    expect(rows.map((row) => Object.fromEntries(row))).toEqual([{ a: "1", b: "2", ...lineage }]);
    expect(rejects.map((reject) => Object.fromEntries(reject))).toEqual([
      {
        ...{ source: "critic_agg", batch_id: batchId, source_file: file, row_number: 2n, line_number: 3n },
        ...{ reason: "too_few_fields", raw: "x", raw_bytes: null, ingested_at: claimedAt },
      },
    ]);
  });

  it("should be read alike by a second library", async () => {
    const texts = csvCases.flatMap(({ expected }) => expected.rows.flatMap(([, ...values]) => values));
    const quoted = texts.map((text) => `"${String(text).replaceAll('"', '""')}"\n`);
    const { batch } = await loader.load("csv", `title\n${quoted.join("")}`);
    const path = fileOf(loader.folder, batch.rows[0] as string);
    expect(await readColumn(path, "title")).toEqual(texts);
    expect(await readColumn(path, "_row_number")).toEqual(texts.map((_, index) => BigInt(index + 1)));
  });

  it("should keep names that SQL and DuckDB have plans with", async () => {
    const header = 'select,"a ""b""",c0,number,_row_number,year=2010,"x,y"';
    const { columns, rows } = await loader.load("csv", `${header}\n1,2,3,4,5,6,7\n`);
    const names = ["select", 'a "b"', "c0", "number", "source_row_number", "year=2010", "x,y"];
    expect(columns).toEqual(names);
    expect(names.map((name) => rows[0]?.get(name))).toEqual(["1", "2", "3", "4", "5", "6", "7"]);
  });

  it("should take the longest records that there are, however they have to be spelled on the way", async () => {
    const quotes = `x${'"'.repeat(1_048_576 - 3)}`;
    const invalid = Buffer.alloc(1_048_576, 0xff);
    const { rows, rejects } = await loader.load(
      "csv",
      Buffer.concat([Buffer.from(`a,b\n${quotes},1\n`), invalid, Buffer.from("\n"), Buffer.from("2,3\n")]),
    );
    expect(rows.map((row) => row.get("a") === quotes || row.get("a"))).toEqual([true, "2"]);
    expect(
      rejects.map((reject) => Buffer.from(reject.get("raw_bytes") as Uint8Array).equals(invalid)),
    ).toEqual([true]);
    const element = `{"a": [${'"",'.repeat(349_000)}1]}`;
    const json = await loader.load("json", `[${element}]`);
    expect(json.rows.map((row) => row.get("a") === element.slice(6, -1))).toEqual([true]);
  });

  it("should be several objects for a large file, the same ones at each attempt", async () => {
    const line = (number: number) =>
      number % 1000 === 0 ? `short ${number}\n` : `film ${number},"a, b",2001\n`;
    const content = `a,b,c\n${Array.from({ length: 900_000 }, (_, index) => line(index + 1)).join("")}`;
    const first = await loader.load("csv", content);
    const bytes = first.batch.rows.map((location) => readFileSync(fileOf(loader.folder, location)));
    expect(first.batch.rows.length).toBeGreaterThan(1);
    expect(first.batch.rows[1]).toMatch(/^s3:\/\/bronze\/rows\/critic_agg\/[0-9a-f]{64}-001\.parquet$/);
    const numbers = first.rows.map((row) => Number(row.get("_row_number")));
    expect(first.rows.every((row, index) => row.get("a") === `film ${numbers[index]}`)).toBe(true);
    expect(first.batch.counts).toEqual({ rowsRead: 900_000, rowsAccepted: 899_100, rowsQuarantined: 900 });
    const second = await loader.load("csv", content, { chunkBytes: 100_003 });
    expect(second.batch).toEqual(first.batch);
    for (const [index, location] of second.batch.rows.entries())
      expect(readFileSync(fileOf(loader.folder, location)).equals(bytes[index] as Buffer)).toBe(true);
  });
});
