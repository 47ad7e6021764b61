/** The Iceberg tables of schema bronze: made when missing, widened when a source brings a new column. */
import type { Database } from "../catalog.ts";
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

/**
 * Makes the tables that are missing, one for each source that promised its columns among them, and widens those of an
 * earlier release. The table of another source is made with its first delivery.
 */
export async function ensureBronzeTables(
  trino: TrinoSession,
  ledger: Database,
  contracts: readonly Contract[],
): Promise<void> {
  const { rows } = await ledger.query(
    "select table_name from iceberg.iceberg_tables where catalog_name = 'lakehouse' and table_namespace = 'bronze'",
  );
  const existing = new Set(rows.map((row) => row.table_name));
  const wanted = new Map<string, Column[]>([
    ["quarantine", quarantineColumns],
    ["batches", batchColumns],
  ]);
  for (const { name: source, columns } of contracts) {
    wanted.set(source, [...textColumns(columns.map(({ name }) => name)), ...lineageColumns]);
  }
  const missing = [...wanted].filter(([table]) => !existing.has(table));
  if (missing.length > 0) await trino.query("CREATE SCHEMA IF NOT EXISTS bronze");
  await Promise.all(missing.map(([table, columns]) => createTable(trino, table, columns)));
  if (existing.has("quarantine")) await addMissingColumns(trino, "quarantine", quarantineColumns);
  if (existing.has("batches")) await widenBatches(trino);
}

/** Adds what bronze.batches of an earlier release lacks, and builds read; where there is no such table, nothing. */
export async function widenBatches(trino: TrinoSession): Promise<void> {
  const existing = await columnsOf(trino, "batches");
  if (existing.length > 0) await addColumns(trino, "batches", batchColumns, existing);
}

async function createTable(trino: TrinoSession, table: string, columns: Column[]): Promise<void> {
  const list = columns.map(({ name, type }) => `${identifier(name)} ${trinoType[type]}`).join(", ");
  await trino.query(`CREATE TABLE IF NOT EXISTS bronze.${identifier(table)} (${list})`);
}

/** Adds the columns that a delivery brings and its table lacks; returns their names. A missing table is made, silently. */
export async function addMissingColumns(
  trino: TrinoSession,
  table: string,
  columns: readonly Column[],
): Promise<string[]> {
  const existing = await columnsOf(trino, table);
  if (existing.length > 0) return addColumns(trino, table, columns, existing);
  await createTable(trino, table, [...columns, ...lineageColumns]);
  return [];
}

/** The names of a table's columns; none where there is no such table. */
async function columnsOf(trino: TrinoSession, table: string): Promise<string[]> {
  const { rows } = await trino.query(
    `SELECT column_name FROM information_schema.columns
     WHERE table_schema = 'bronze' AND table_name = ${literal(table)}`,
  );
  return rows.map(([name]) => String(name));
}

async function addColumns(
  trino: TrinoSession,
  table: string,
  columns: readonly Column[],
  existing: string[],
): Promise<string[]> {
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
