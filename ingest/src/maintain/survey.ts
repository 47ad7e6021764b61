/** What the catalog points to, of every branch, and the metadata behind it. */
import type { Database } from "../catalog.ts";
import { exitCode, ReelhouseError } from "../errors.ts";
import { atMost } from "../limit.ts";
import type { TableVersion } from "../publish/metadata.ts";
import { readMetadata } from "../publish/publish.ts";
import type { Store } from "../store.ts";

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

/**
 * Branches share most of their files: each is read once. A table of a branch whose metadata is gone is left out: somebody
 * drops it just now, or it was dropped while a backup was made that was restored since. Throws for one of `lakehouse`.
 */
export async function readTables(
  store: Pick<Store, "getText">,
  rows: readonly CatalogRow[],
): Promise<CatalogTable[]> {
  const tables = rows.filter(({ isView }) => !isView);
  const read = await readAll(store, new Set(tables.map(({ location }) => location)));
  return tables.flatMap((row) => {
    const metadata = read.get(row.location);
    if (metadata) return [{ ...row, metadata }];
    if (row.catalog === "lakehouse") throw lost(row);
    return [];
  });
}

/** The rows whose metadata is gone, as a user is told of them. */
export const unreadable = (rows: readonly CatalogRow[], tables: readonly CatalogTable[]): string[] => {
  const read = new Set(tables.map(({ catalog, table }) => `${catalog}.${table}`));
  return rows
    .filter(({ isView, catalog, table }) => !isView && !read.has(`${catalog}.${table}`))
    .map(
      ({ catalog, table, location }) =>
        `${catalog}.${table}: ${location} is not on the store: ${wayOut(catalog)}`,
    );
};

const wayOut = (catalog: string) =>
  catalog.startsWith("br_")
    ? `drop the table, or the branch: reelhouse branch drop ${catalog.slice("br_".length)}`
    : "the next build or maintenance makes it anew";

const lost = ({ catalog, table, location }: CatalogRow) =>
  new ReelhouseError(
    `${catalog}.${table}: ${location} is not on the store; nothing was changed`,
    exitCode.failed,
    {
      next: "put it back from a backup of the store, or restore a whole one into a new stack: docs/backup.md",
    },
  );

const readsAtOnce = 16;

/** The metadata at each location; where there is no object, there is no entry. */
export async function readAll(
  store: Pick<Store, "getText">,
  locations: ReadonlySet<string>,
): Promise<Map<string, TableVersion["metadata"]>> {
  const turn = atMost(readsAtOnce);
  const found = new Map<string, TableVersion["metadata"]>();
  const read = async (location: string) => {
    try {
      found.set(location, await turn(() => readMetadata(store, location)));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  };
  await Promise.all([...locations].map(read));
  return found;
}

/** As S3 says it of an object that is asked for. */
const isMissing = (error: unknown) =>
  ((error as Error).cause as { code?: string } | undefined)?.code === "NoSuchKey";
