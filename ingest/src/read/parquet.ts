import { stat } from "node:fs/promises";
import type { DuckDBConnection } from "@duckdb/node-api";
import { openDuckDB } from "../duckdb.ts";
import { inputError } from "../errors.ts";
import { identifier } from "../sql.ts";
import { openFile } from "./open.ts";
import type { Format, ReadOptions, RecordSink, SourceFile } from "./record.ts";
import { columnsOf, giveValues, refuseOtherColumns } from "./values.ts";

/**
 * Parquet, read by DuckDB. Values are their text: numbers with all digits, times in UTC, nested ones as JSON; bytes
 * that are not marked as text are taken for text if they are some.
 */
export const parquet: Format = { isReadTwice: false, columns, records };

interface Column {
  /** As the file has it. */
  name: string;
  /** As DuckDB has it: of two with one name, the second is another one there. */
  field: string;
  type: string;
}

async function columns(file: SourceFile): Promise<string[]> {
  return withParquet(file, async (_, __, found) =>
    columnsOf(
      file,
      found.map(({ name }) => name),
    ),
  );
}

async function records(
  file: SourceFile,
  names: readonly string[],
  sink: RecordSink,
  options: ReadOptions = {},
): Promise<void> {
  await withParquet(file, async (connection, table, found) => {
    refuseOtherColumns(
      file,
      columnsOf(
        file,
        found.map(({ name }) => name),
      ),
      names,
    );
    const share = await shareOf(connection, table, file);
    const result = await connection.stream(`SELECT ${found.map(textOf).join(", ")} FROM ${table.rows}`);
    let rowNumber = 0;
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      for (const values of chunk.getRows() as (string | null)[][])
        giveValues(sink, values, ++rowNumber, options);
      await sink.drained();
      options.onBytes?.(share(rowNumber));
    }
  });
}

/** Rows as bytes of the file: DuckDB jumps about in it, and the bytes that it reads say nothing. */
async function shareOf(
  connection: DuckDBConnection,
  { path }: Table,
  { path: filePath }: SourceFile,
): Promise<(rows: number) => number> {
  const result = await connection.runAndReadAll(
    `SELECT num_rows::VARCHAR FROM parquet_file_metadata('${path}')`,
  );
  const rowCount = Number(result.getRows()[0]?.[0] ?? 0);
  const { size } = await stat(filePath);
  return (rows) => Math.round((size * rows) / Math.max(1, rowCount));
}

interface Table {
  path: string;
  /** Reads all of it. */
  rows: string;
}

type Use<T> = (connection: DuckDBConnection, table: Table, columns: Column[]) => Promise<T>;

/** DuckDB takes a path for a pattern, so it gets the open file instead, whose name is plain. */
async function withParquet<T>(file: SourceFile, use: Use<T>): Promise<T> {
  const { handle } = await openFile(file);
  const instance = await openDuckDB();
  try {
    const connection = await instance.connect();
    const path = `/dev/fd/${handle.fd}`;
    const rows = `read_parquet('${path}', hive_partitioning = false)`;
    await connection.run("SET TimeZone = 'UTC'");
    const table = { path, rows };
    return await use(connection, table, await describe(connection, table, file));
  } catch (cause) {
    throw isRefusal(cause) ? cause : damaged(file, cause);
  } finally {
    instance.closeSync();
    await handle.close();
  }
}

/** DuckDB's own errors, as far as they come from what is in the file. */
const isRefusal = (cause: unknown) => !/^(Invalid Input|IO|Invalid) Error/.test((cause as Error).message);

async function describe(connection: DuckDBConnection, table: Table, file: SourceFile): Promise<Column[]> {
  const result = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${table.rows}`);
  const names = await columnNames(connection, table);
  const columns = result.getRows().map(([field, type], index) => ({
    ...{ name: names[index] ?? String(field), field: String(field), type: String(type) },
  }));
  if (columns.length > 0) return columns;
  throw inputError("Parquet without a column", { file: file.hostPath, expected: "at least one column" });
}

/** From the file's own schema: a tree, each node before its children. */
async function columnNames(connection: DuckDBConnection, { path }: Table): Promise<string[]> {
  const result = await connection.runAndReadAll(`SELECT name, num_children FROM parquet_schema('${path}')`);
  const names: string[] = [];
  let inner = 0;
  for (const [name, childCount] of result.getRows().slice(1)) {
    if (inner === 0) names.push(String(name));
    else inner--;
    inner += Number(childCount ?? 0);
  }
  return names;
}

function textOf({ field, type }: Column): string {
  const column = identifier(field);
  if (type === "BLOB") {
    const text = `try(decode(${column}))`;
    return `coalesce(CASE WHEN NOT contains(${text}, chr(0)) THEN ${text} END, ${column}::VARCHAR)`;
  }
  const isNested = /^(STRUCT|MAP|UNION)\(|\[\d*\]$/.test(type);
  return isNested ? `to_json(${column})::VARCHAR` : `${column}::VARCHAR`;
}

const damaged = (file: SourceFile, cause: unknown) =>
  inputError(`no complete Parquet file, ${withoutPath((cause as Error).message.split("\n")[0] ?? "")}`, {
    file: file.hostPath,
    expected: "a Parquet file",
    next: "deliver the file again; nothing of it was loaded",
    cause,
  });

/** DuckDB knows the file under a name that says nothing to anybody. */
const withoutPath = (message: string) => message.replaceAll(/'?\/dev\/fd\/\d+'?/g, "it");
