/** What the catalog points to, of every branch, and the metadata behind it. */
import type { Database } from "../catalog.ts";
import { atMost } from "../limit.ts";
import type { TableVersion } from "../publish/metadata.ts";
import { readMetadata } from "../publish/publish.ts";
import type { Store } from "../store.ts";
import { publicationOfTag } from "./retention.ts";

/** A row of the catalog. */
export interface CatalogRow {
  /** The branch; `lakehouse` is what readers see. */
  catalog: string;
  /** `namespace.name`. */
  table: string;
  location: string;
  previous: string | null;
  isView: boolean;
}

/** A row whose table was read; views have nothing to read. */
export type CatalogTable = CatalogRow & TableVersion;

export async function catalogRows(ledger: Database): Promise<CatalogRow[]> {
  const { rows } = await ledger.query(
    "select * from iceberg.iceberg_tables order by catalog_name, table_namespace, table_name",
  );
  return rows.map((row) => ({
    catalog: row.catalog_name,
    table: `${row.table_namespace}.${row.table_name}`,
    location: row.metadata_location,
    previous: row.previous_metadata_location,
    isView: row.iceberg_type === "VIEW",
  }));
}

/** Branches share most of their files: each is read once. */
export async function readTables(store: Store, rows: readonly CatalogRow[]): Promise<CatalogTable[]> {
  const tables = rows.filter(({ isView }) => !isView);
  const read = await readAll(store, new Set(tables.map(({ location }) => location)));
  return tables.flatMap((row) => {
    const metadata = read.get(row.location);
    return metadata ? [{ ...row, metadata }] : [];
  });
}

const readsAtOnce = 16;

/** The metadata at each location. */
export async function readAll(
  store: Store,
  locations: ReadonlySet<string>,
): Promise<Map<string, TableVersion["metadata"]>> {
  const turn = atMost(readsAtOnce);
  const read = async (location: string) =>
    [location, await turn(() => readMetadata(store, location))] as const;
  return new Map(await Promise.all([...locations].map(read)));
}

/** Each build makes `audit` anew, and upkeep `maintenance`; a state `at_<id>` goes with its publication. */
const isOwn = (catalog: string) => /^(lakehouse|audit|maintenance|at_\d+)$/.test(catalog);

/** The publications that open branches were forked from: the newest tag that a branch has. */
export function forkPoints(tables: readonly CatalogTable[]): Set<number> {
  const branches = Map.groupBy(
    tables.filter(({ catalog }) => !isOwn(catalog)),
    ({ catalog }) => catalog,
  );
  const newest = [...branches.values()].map((members) =>
    Math.max(
      0,
      ...members
        .flatMap(({ metadata }) => Object.keys(metadata.refs ?? {}).map(publicationOfTag))
        .filter((id) => id !== undefined),
    ),
  );
  return new Set(newest);
}
