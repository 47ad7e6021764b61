/** On clean files that are large enough for several parts, the result is what DuckDB's own reader gives. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDuckDB } from "../../ingest/src/duckdb.ts";
import type { FormatName } from "../../ingest/src/read/formats.ts";
import { makeCsv, makeJson } from "../bench/ingest/data.ts";
import { createLoader, fileOf, type Loader } from "../fixtures/load.ts";

const rows = 300_000;
const folder = mkdtempSync(join(tmpdir(), "reelhouse-test-"));
const csv = join(folder, "films.csv");
const json = join(folder, "films.json");
let loader: Loader;
let duckdb: DuckDBConnection;

beforeAll(async () => {
  makeCsv(csv, rows, 0);
  makeJson(json, rows);
  loader = await createLoader();
  duckdb = await (await openDuckDB(folder)).connect();
});
afterAll(async () => {
  await loader.close();
  rmSync(folder, { recursive: true });
});

/** Rows that only one of the two has; their place in the file counts. */
async function differences(
  format: FormatName,
  file: string,
  columns: string[],
  read: string,
): Promise<unknown> {
  const { batch } = await loader.load(format, readFileSync(file));
  expect(batch.rows.length).toBeGreaterThan(1);
  const objects = batch.rows.map((location) => `'${fileOf(loader.folder, location)}'`).join(", ");
  const ours = `SELECT ${columns.join(", ")}, _row_number AS place FROM read_parquet([${objects}])`;
  const theirs = `SELECT *, row_number() OVER () AS place FROM ${read}`;
  const result = await duckdb.runAndReadAll(`SELECT
    (SELECT count(*) FROM (${ours})), (SELECT count(*) FROM (${ours} EXCEPT ${theirs})),
    (SELECT count(*) FROM (${theirs} EXCEPT ${ours}))`);
  return result.getRows()[0]?.map(Number);
}

describe("the same as DuckDB's reader", () => {
  const readCsv = (file: string) =>
    `read_csv('${file}', all_varchar = true, header = true, nullstr = 'no such text', quote = '"', escape = '"')`;

  it("should come out of CSV with LF", async () => {
    expect(await differences("csv", csv, readHeader(csv), readCsv(csv))).toEqual([rows, 0, 0]);
  });

  it("should come out of CSV with CRLF", async () => {
    const file = join(folder, "crlf.csv");
    writeFileSync(file, readFileSync(csv, "utf8").replaceAll(/\r?\n/g, "\r\n"));
    expect(await differences("csv", file, readHeader(file), readCsv(file))).toEqual([rows, 0, 0]);
  });

  it("should come out of JSON", async () => {
    const columns = ["title", "year", "audience_average_score", "total_audience_ratings"];
    const types = columns.map((name) => `${name}: 'VARCHAR'`).join(", ");
    const read = `read_json('${json}', format = 'array', columns = {${types}})`;
    expect(await differences("json", json, columns, read)).toEqual([rows, 0, 0]);
  });
});

function readHeader(file: string): string[] {
  return (readFileSync(file, "utf8").split(/\r?\n/, 1)[0] ?? "").split(",");
}
