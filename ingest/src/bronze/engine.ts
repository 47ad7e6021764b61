/** DuckDB in this process: turns temporary CSV files into Parquet files. */
import { cpus } from "node:os";
import type { DuckDBConnection } from "@duckdb/node-api";
import { openDuckDB } from "../duckdb.ts";

export interface Engine {
  /** How many files may be written at once. */
  readonly parallel: number;
  /** Runs a COPY statement and answers how many rows it wrote. */
  copy(statement: string): Promise<number>;
  /** Runs a query whose columns are all text. */
  rows(statement: string): Promise<(string | null)[][]>;
  close(): void;
}

/** Each statement takes a thread of libuv's four: some must be left for reading and uploading. */
const maximumParallel = 3;

/**
 * One thread per statement: the row numbers of a file make DuckDB serial anyway, and several files at once use the
 * other cores. `folder` takes what does not fit into memory.
 */
export async function openEngine(folder: string): Promise<Engine> {
  const instance = await openDuckDB(folder);
  const connected = async <T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> => {
    const connection = await instance.connect();
    try {
      return await work(connection);
    } finally {
      connection.disconnectSync();
    }
  };
  return {
    parallel: Math.min(maximumParallel, Math.max(2, cpus().length)),
    copy: (statement) => connected(async (connection) => (await connection.run(statement)).rowsChanged),
    rows: (statement) =>
      connected(
        async (connection) => (await connection.runAndReadAll(statement)).getRows() as (string | null)[][],
      ),
    close: () => instance.closeSync(),
  };
}
