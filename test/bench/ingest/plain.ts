/** What a TypeScript program does without further thought, csv-parse to parquetjs-lite: INPUT OUTPUT */
import { createReadStream, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { parse } from "csv-parse";
import { usage } from "./usage.ts";

const { ParquetSchema, ParquetWriter } = createRequire(import.meta.url)("parquetjs-lite");
const [input = "", output = ""] = process.argv.slice(2);
mkdirSync(output);
const records = createReadStream(input).pipe(parse({ columns: true }));
let writer: { appendRow(row: object): Promise<void>; close(): Promise<void> } | undefined;
let rows = 0;
for await (const record of records) {
  writer ??= await ParquetWriter.openFile(schemaOf(Object.keys(record)), `${output}/films.parquet`);
  await writer?.appendRow(record);
  rows++;
}
await writer?.close();
process.stdout.write(JSON.stringify({ rows, ...usage() }));

function schemaOf(names: string[]): unknown {
  return new ParquetSchema(
    Object.fromEntries(names.map((name) => [name, { type: "UTF8", compression: "SNAPPY", optional: true }])),
  );
}
