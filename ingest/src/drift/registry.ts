/** The versions of each source's schema, in the ledger. */
import type { Database } from "../catalog.ts";
import type { SchemaColumn, SourceSchema } from "./schema.ts";

/** The newest schema of each source. */
export async function registeredSchemas(ledger: Database): Promise<Map<string, SourceSchema>> {
  const { rows } = await ledger.query(
    "select distinct on (source) source, version, columns from ledger.source_schema order by source, version desc",
  );
  return new Map(rows.map(({ source, version, columns }) => [source, { version, columns }]));
}

/** Registers a version. Under the run lock, so nobody else registers meanwhile. */
export async function registerSchema(
  ledger: Database,
  source: string,
  { version, columns }: SourceSchema,
  { origin, runId }: { origin: string; runId: string },
): Promise<void> {
  await ledger.query(
    `insert into ledger.source_schema (source, version, columns, origin, run_id) values ($1, $2, $3, $4, $5)
     on conflict (source, version) do nothing`,
    [source, version, JSON.stringify(columns), origin, runId],
  );
}

/**
 * What a source's schema is before a delivery is looked at: the registered one with what its file declares on top.
 * `origin` is there when that is a version that is not registered yet.
 */
export function currentSchema(
  registered: SourceSchema | undefined,
  declared: readonly SchemaColumn[] | undefined,
  delivered: readonly string[],
): { schema: SourceSchema; origin?: string } {
  if (registered === undefined) {
    return declared
      ? { schema: { version: 1, columns: declared }, origin: "declared" }
      : {
          schema: { version: 1, columns: delivered.map((name) => ({ name, required: false })) },
          origin: "first delivery",
        };
  }
  if (declared === undefined) return { schema: registered };
  const others = registered.columns.filter(({ name }) => !declared.some((column) => column.name === name));
  const columns = [...declared, ...others.map(({ name }) => ({ name, required: false }))];
  const isSame = JSON.stringify(columns) === JSON.stringify(registered.columns);
  return isSame
    ? { schema: registered }
    : { schema: { version: registered.version + 1, columns }, origin: "declared" };
}
