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
export const parquet: Format = { columns, records };

interface Column {
  name: string;
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
    const result = await connection.stream(`SELECT ${found.map(textOf).join(", ")} FROM ${table}`);
    let rowNumber = 0;
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      for (const values of chunk.getRows() as (string | null)[][])
        giveValues(sink, values, ++rowNumber, options);
      await sink.drained();
    }
  });
}

type Use<T> = (connection: DuckDBConnection, table: string, columns: Column[]) => Promise<T>;

/** DuckDB takes a path for a pattern, so it gets the open file instead, whose name is plain. */
async function withParquet<T>(file: SourceFile, use: Use<T>): Promise<T> {
  const { handle } = await openFile(file);
  const instance = await openDuckDB();
  try {
    const connection = await instance.connect();
    const table = `read_parquet('/dev/fd/${handle.fd}', hive_partitioning = false)`;
    await connection.run("SET TimeZone = 'UTC'");
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

async function describe(connection: DuckDBConnection, table: string, file: SourceFile): Promise<Column[]> {
  const result = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${table}`);
  const columns = result.getRows().map(([name, type]) => ({ name: String(name), type: String(type) }));
  if (columns.length > 0) return columns;
  throw inputError("Parquet without a column", { file: file.hostPath, expected: "at least one column" });
}

function textOf({ name, type }: Column): string {
  const column = identifier(name);
  if (type === "BLOB") return `coalesce(try(decode(${column})), ${column}::VARCHAR)`;
  const isNested = /^(STRUCT|MAP|UNION)\(|\[\d*\]$/.test(type);
  return isNested ? `to_json(${column})::VARCHAR` : `${column}::VARCHAR`;
}

const damaged = (file: SourceFile, cause: unknown) =>
  inputError(`no complete Parquet file, ${(cause as Error).message.split("\n")[0]}`, {
    file: file.hostPath,
    expected: "a Parquet file",
    next: "deliver the file again; nothing of it was loaded",
    cause,
  });
