import { describe, expect, it } from "vitest";
import { ensureBronzeTables, quarantineColumns } from "../../ingest/src/bronze/tables.ts";
import type { Database } from "../../ingest/src/catalog.ts";
import type { TrinoSession } from "../../ingest/src/trino.ts";

/** A catalog with these tables, of which quarantine has these columns; keeps the statements that change something. */
function catalog(tables: string[], columns: string[]) {
  const statements: string[] = [];
  const ledger = { query: async () => ({ rows: tables.map((table_name) => ({ table_name })) }) };
  const query = async (statement: string) => {
    if (!statement.includes("information_schema")) statements.push(statement);
    return { columns: [], rows: columns.map((name) => [name]) };
  };
  return { statements, ledger: ledger as unknown as Database, trino: { query } as unknown as TrinoSession };
}

const names = quarantineColumns.map(({ name }) => name);

describe("the tables of bronze", () => {
  it("should be made when they are missing", async () => {
    const { statements, ledger, trino } = catalog([], []);
    await ensureBronzeTables(trino, ledger, []);
    expect(statements[0]).toBe("CREATE SCHEMA IF NOT EXISTS bronze");
    expect(statements[1]).toMatch(
      /^CREATE TABLE IF NOT EXISTS bronze\."quarantine" \(.*"raw_bytes" varbinary/,
    );
    expect(statements).toHaveLength(3);
  });

  it("should get the column that the quarantine of an earlier release lacks", async () => {
    const earlier = names.filter((name) => name !== "raw_bytes");
    const { statements, ledger, trino } = catalog(["quarantine", "batches"], earlier);
    await ensureBronzeTables(trino, ledger, []);
    expect(statements).toEqual(['ALTER TABLE bronze."quarantine" ADD COLUMN "raw_bytes" varbinary']);
  });

  it("should stay as they are otherwise", async () => {
    const { statements, ledger, trino } = catalog(["quarantine", "batches"], names);
    await ensureBronzeTables(trino, ledger, []);
    expect(statements).toEqual([]);
  });
});
