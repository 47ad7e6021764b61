/** DuckDB's plain COPY, which promises nothing: INPUT OUTPUT FORMAT */
import { mkdirSync } from "node:fs";
import { DuckDBInstance } from "@duckdb/node-api";
import { usage } from "./usage.ts";

const [input = "", output = "", format = "csv"] = process.argv.slice(2);
mkdirSync(output);
const columns = "title year audience_average_score total_audience_ratings".split(" ");
const types = columns.map((name) => `${name}: 'VARCHAR'`).join(", ");
const source = {
  csv: `read_csv('${input}', all_varchar = true)`,
  json: `read_json('${input}', format = 'array', columns = {${types}})`,
}[format];
const connection = await (await DuckDBInstance.create()).connect();
const copy = `COPY (SELECT * FROM ${source}) TO '${output}/films.parquet' (FORMAT parquet, COMPRESSION zstd)`;
const { rowsChanged } = await connection.run(copy);
process.stdout.write(JSON.stringify({ rows: rowsChanged, ...usage() }));
