import { describe, expect, it } from "vitest";
import {
  addMissingColumns,
  batchColumns,
  ensureBronzeTables,
  quarantineColumns,
  widenBatches,
} from "../../ingest/src/bronze/tables.ts";
import type { TrinoSession } from "../../ingest/src/trino.ts";

/** A catalog with tables that have these columns; keeps the statements that change something. */
function catalog(tables: Record<string, string[]>) {
  const statements: string[] = [];
  const asked: string[] = [];
  const query = async (statement: string) => {
    (statement.includes("information_schema") ? asked : statements).push(statement);
    const rows = Object.entries(tables).flatMap(([table, names]) => names.map((name) => [table, name]));
    return { columns: [], rows };
  };
  return { statements, asked, trino: { query } as unknown as TrinoSession };
}

const quarantine = quarantineColumns.map(({ name }) => name);
const batches = batchColumns.map(({ name }) => name);
const without = (names: string[], lacking: string) => names.filter((name) => name !== lacking);

describe("the tables of bronze", () => {
  it("should be made when they are missing", async () => {
    const { statements, trino } = catalog({});
    await ensureBronzeTables(trino, []);
    expect(statements[0]).toBe("CREATE SCHEMA IF NOT EXISTS bronze");
    expect(statements[1]).toMatch(
      /^CREATE TABLE IF NOT EXISTS bronze\."quarantine" \(.*"raw_bytes" varbinary/,
    );
    expect(statements).toHaveLength(3);
  });

  it("should get the columns that those of an earlier release lack", async () => {
    const earlier = {
      quarantine: without(quarantine, "raw_bytes"),
      batches: without(batches, "excluded_at"),
    };
    const { statements, trino } = catalog(earlier);
    await ensureBronzeTables(trino, []);
    expect(statements).toEqual([
      'ALTER TABLE bronze."quarantine" ADD COLUMN "raw_bytes" varbinary',
      'ALTER TABLE bronze."batches" ADD COLUMN "excluded_at" timestamp(6) with time zone',
    ]);
  });

  it("should not be made by a build, which comes too early then", async () => {
    const { statements, trino } = catalog({});
    await widenBatches(trino);
    expect(statements).toEqual([]);
  });

  it("should stay as they are otherwise", async () => {
    const { statements, asked, trino } = catalog({ quarantine, batches, films: ["title"] });
    const tables = await ensureBronzeTables(trino, []);
    expect(await addMissingColumns(trino, "films", [{ name: "title", type: "text" }], tables)).toEqual([]);
    expect(statements).toEqual([]);
    expect(asked).toHaveLength(1);
  });
});
