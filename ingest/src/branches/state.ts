/** What a branch has, in the words of the journal: to be compared with what it was forked from. */
import type { Database } from "../catalog.ts";
import type { State } from "../publish/diff.ts";
import { publishedState, relationIn } from "../publish/diff.ts";
import type { JournalTable } from "../publish/journal.ts";
import { columnsOf, stateOf } from "../publish/metadata.ts";
import { branchPointers, readMetadata } from "../publish/publish.ts";
import { literal } from "../sql.ts";
import type { Store } from "../store.ts";
import type { TrinoSession } from "../trino.ts";
import { branchCatalog } from "./catalogs.ts";
import { requireBranch } from "./registry.ts";

export interface StateTools {
  ledger: Database;
  store: Store;
  /** Of a user who may read branches and `lakehouse`. */
  trino: TrinoSession;
}

/** The publication that a branch was forked from, and the branch. */
export async function branchStates(
  { ledger, store, trino }: StateTools,
  name: string,
): Promise<{ before: State; after: State }> {
  const { forkedFrom, base } = await requireBranch(ledger, name);
  const before = await publishedState(ledger, forkedFrom);
  const catalog = branchCatalog(name);
  const pointers = await branchPointers(ledger, catalog);
  const changed = [...pointers].filter(([table, location]) => base.get(table) !== location);
  const counts = await rowCounts(
    trino,
    catalog,
    changed.map(([table]) => table),
  );
  const tables = await Promise.all(
    [...pointers].map(async ([table, location]): Promise<JournalTable> => {
      const published = before.tables.get(table);
      if (published && base.get(table) === location) return published;
      const metadata = await readMetadata(store, location);
      return {
        name: table,
        rowCount: counts.get(table) ?? null,
        columns: columnsOf(metadata),
        state: stateOf(metadata),
        newestLocation: null,
      };
    }),
  );
  const after = {
    tables: new Map(tables.map((table) => [table.name, table])),
    relation: (table: string) => relationIn(catalog, table),
  };
  return { before, after };
}

/** Counted, for the metadata of a table counts rows that were deleted too. */
async function rowCounts(
  trino: TrinoSession,
  catalog: string,
  tables: string[],
): Promise<Map<string, number>> {
  if (tables.length === 0) return new Map();
  const { rows } = await trino.query(
    tables
      .map((table) => `SELECT ${literal(table)}, count(*) FROM ${relationIn(catalog, table)}`)
      .join(" UNION ALL "),
  );
  return new Map(rows.map(([table, count]) => [String(table), Number(count)]));
}
