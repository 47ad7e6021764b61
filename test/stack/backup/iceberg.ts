/** What PyIceberg sees of the published tables: test/iceberg/read.py, in the stack's network. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder, type Row, type Stack } from "../stack.ts";

interface Answer {
  columns: string[];
  rows: unknown[][];
}
export interface Seen {
  tags: string[];
  /** By `now`, tag, or time in milliseconds; null: the table was not there then. */
  answers: Record<string, Answer | null>;
}

const image = `${process.env.IMAGE_PREFIX ?? "reelhouse"}/test`;

/** `schema.table` -> what is seen of it now, as of each of its tags, and as of `timesMs`. */
export async function readWithPyIceberg(
  stack: Stack,
  timesMs: readonly number[],
): Promise<Record<string, Seen>> {
  const { PG_TRINO_READER_PASSWORD = "", ...secrets } = await stack.secrets("trino");
  const env = {
    PG_TRINO_READER_PASSWORD,
    S3_TRINO_READER_ACCESS_KEY: secrets.S3_TRINO_READER_ACCESS_KEY ?? "",
    S3_TRINO_READER_SECRET_KEY: secrets.S3_TRINO_READER_SECRET_KEY ?? "",
  };
  const network = ["--network", `${stack.project}_default`];
  const names = Object.keys(env).flatMap((name) => ["--env", name]);
  const program = ["/opt/iceberg/bin/python", "-", ...timesMs.map(String)];
  const { code, stdout, stderr } = await stack.run(
    "docker",
    ["run", "--rm", "--interactive", ...network, ...names, image, ...program],
    { env, input: readFileSync(join(projectFolder, "test/iceberg/read.py"), "utf8") },
  );
  if (code !== 0) throw new Error(`PyIceberg: ${stderr}`);
  return JSON.parse(stdout);
}

/** Both engines' rows in one spelling and one order. */
export const comparable = (rows: readonly unknown[][]) =>
  rows.map((row) => JSON.stringify(row.map(spelled))).sort();
export const cellsOf = (rows: readonly Row[], columns: readonly string[]) =>
  rows.map((row) => columns.map((column) => row[column]));

/** A time as `2026-11-27 18:19:43.867`, whatever follows it for UTC. */
function spelled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(spelled);
  const [, time, fraction = ""] =
    /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)?(?: UTC|\+00:00)$/.exec(String(value)) ?? [];
  return time === undefined ? value : time + fraction.replace(/\.?0+$/, "");
}
