/** Which files of a folder of backups hold a text, however they are packed. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { openDuckDB } from "../../../ingest/src/duckdb.ts";
import { type AvroValue, readAvro } from "../../../ingest/src/maintain/avro.ts";

export async function filesWith(folder: string, text: string): Promise<string[]> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const startOf = new Map(files.map((file) => [file, readFileSync(file).toString("latin1", 0, 4)]));
  const parquet = files.filter((file) => startOf.get(file) === "PAR1");
  const others = files.filter((file) => startOf.get(file) !== "PAR1");
  return [
    ...others.filter((file) => unpacked(readFileSync(file), startOf.get(file)).includes(text)),
    ...(await parquetWith(parquet, text)),
  ];
}

function unpacked(content: Buffer, start = ""): string {
  if (start === "Obj\u0001") return readAvro(content).map(textOf).join("\n");
  return (start.startsWith("\u001f\u008b") ? gunzipSync(content) : content).toString("latin1");
}

/** Bytes as they are: bounds of columns are some. */
function textOf(value: AvroValue): string {
  if (Buffer.isBuffer(value)) return value.toString("latin1");
  return typeof value === "object" && value !== null
    ? Object.values(value).map(textOf).join("\n")
    : String(value);
}

async function parquetWith(files: string[], text: string): Promise<string[]> {
  const duckdb = await openDuckDB();
  const connection = await duckdb.connect();
  const found: string[] = [];
  for (const file of files) {
    const sql = `SELECT count(*) FROM read_parquet('${file}') AS row WHERE contains(row::VARCHAR, '${text}')`;
    const [[count] = []] = (await connection.runAndReadAll(sql)).getRows();
    if (Number(count) > 0) found.push(file);
  }
  connection.closeSync();
  duckdb.closeSync();
  return found;
}
