/** The Iceberg tables of schema bronze: made when missing, widened when a source brings a new column. */
import { lineageColumns as lineageNames } from "../read/column-names.ts";
import type { Contract } from "../read/contract.ts";
import { identifier, literal } from "../sql.ts";
import { StatementError, type TrinoSession } from "../trino.ts";
import { type Column, trinoType } from "./parquet.ts";

const lineageTypes = {
  _source_file: "text",
  _row_number: "integer",
  _batch_id: "text",
  _ingested_at: "timestamp",
} as const;

/** Lineage, last in every source's table. */
export const lineageColumns: Column[] = lineageNames.map((name) => ({ name, type: lineageTypes[name] }));

/** Records that are no rows, with their raw text; `raw_bytes` is null unless `raw` is not exact. */
export const quarantineColumns: Column[] = [
  { name: "source", type: "text" },
  { name: "batch_id", type: "text" },
  { name: "source_file", type: "text" },
  { name: "row_number", type: "integer" },
  { name: "line_number", type: "integer" },
  { name: "reason", type: "text" },
  { name: "raw", type: "text" },
  { name: "raw_bytes", type: "bytes" },
  { name: "ingested_at", type: "timestamp" },
];

/**
 * One row per committed batch, written last: a bronze row counts only if its batch is here, and not excluded. What a
 * load does not know comes at the end.
 */
export const batchColumns: Column[] = [
  { name: "source", type: "text" },
  { name: "batch_id", type: "text" },
  { name: "source_file", type: "text" },
  { name: "load_order", type: "integer" },
  { name: "rows_read", type: "integer" },
  { name: "rows_accepted", type: "integer" },
  { name: "rows_quarantined", type: "integer" },
  { name: "committed_at", type: "timestamp" },
  { name: "excluded_at", type: "timestamp" },
];

/** The names of the columns of each table that bronze has. */
export type BronzeTables = Map<string, string[]>;

/**
 * Makes the tables that are missing, one for each source that promised its columns among them, and widens those of an
 * earlier release. The table of another source is made with its first delivery.
 */
export async function ensureBronzeTables(
  trino: TrinoSession,
  contracts: readonly Contract[],
): Promise<BronzeTables> {
  const tables = await existingTables(trino);
  const wanted = new Map<string, Column[]>([
    ["quarantine", quarantineColumns],
    ["batches", batchColumns],
  ]);
  for (const { name: source, columns } of contracts) {
    wanted.set(source, [...textColumns(columns.map(({ name }) => name)), ...lineageColumns]);
  }
  const missing = [...wanted].filter(([table]) => !tables.has(table));
  if (missing.length > 0) await trino.query("CREATE SCHEMA IF NOT EXISTS bronze");
  await Promise.all(missing.map(([table, columns]) => createTable(trino, table, columns, tables)));
  await addMissingColumns(trino, "quarantine", quarantineColumns, tables);
  await addMissingColumns(trino, "batches", batchColumns, tables);
  return tables;
}

/** Adds what bronze.batches of an earlier release lacks, and builds read; where there is no such table, nothing. */
export async function widenBatches(trino: TrinoSession): Promise<void> {
  const tables = await existingTables(trino, "AND table_name = 'batches'");
  if (tables.size > 0) await addMissingColumns(trino, "batches", batchColumns, tables);
}

async function existingTables(trino: TrinoSession, condition = ""): Promise<BronzeTables> {
  const { rows } = await trino.query(
    `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'bronze' ${condition}`,
  );
  const byTable = Map.groupBy(rows, ([table]) => String(table));
  return new Map([...byTable].map(([table, found]) => [table, found.map(([, column]) => String(column))]));
}

async function createTable(
  trino: TrinoSession,
  table: string,
  columns: readonly Column[],
  tables: BronzeTables,
): Promise<void> {
  const list = columns.map(({ name, type }) => `${identifier(name)} ${trinoType[type]}`).join(", ");
  await trino.query(`CREATE TABLE IF NOT EXISTS bronze.${identifier(table)} (${list})`);
  tables.set(
    table,
    columns.map(({ name }) => name),
  );
}

/** Adds the columns that a delivery brings and its table lacks; returns their names. A missing table is made, silently. */
export async function addMissingColumns(
  trino: TrinoSession,
  table: string,
  columns: readonly Column[],
  tables: BronzeTables,
): Promise<string[]> {
  const existing = tables.get(table);
  if (existing === undefined) {
    await createTable(trino, table, [...columns, ...lineageColumns], tables);
    return [];
  }
  const added = columns.filter(({ name }) => !existing.includes(name));
  for (const { name, type } of added) {
    const column = `${identifier(name)} ${trinoType[type]}`;
    await trino.query(`ALTER TABLE bronze.${identifier(table)} ADD COLUMN ${column}`);
  }
  return added.map(({ name }) => name);
}

/** Makes a Parquet object part of an Iceberg table, without a copy. An object that is part of it already stays so. */
export async function registerObject(trino: TrinoSession, table: string, location: string): Promise<void> {
  try {
    await trino.query(
      `ALTER TABLE bronze.${identifier(table)}
       EXECUTE add_files(location => ${literal(location)}, format => 'PARQUET')`,
    );
  } catch (error) {
    // The reply of an earlier attempt was lost, or its run was killed right after.
    if (error instanceof StatementError && error.message.includes("File already exists")) return;
    throw error;
  }
}

export const textColumns = (names: string[]): Column[] => names.map((name) => ({ name, type: "text" }));
