/** The journal of publications: schema `branch` in PostgreSQL (catalog/migrations), read as role `ledger`. */
import type { Database } from "../catalog.ts";
import { usageError } from "../errors.ts";
import type { TableColumn, TableState } from "./metadata.ts";

export interface JournalPublication {
  id: number;
  kind: string;
  runId: string;
  publishedAt: Date;
  fingerprint: string;
  /** `source/batchId`. */
  batches: string[];
  details: Record<string, unknown>;
}

export interface JournalTable {
  /** `namespace.name`. */
  name: string;
  rowCount: number | null;
  columns: TableColumn[];
  /** undefined: an earlier release published it, and did not note it. */
  state: TableState | undefined;
  /** The newest metadata file of this very table that any publication made current. */
  newestLocation: string | null;
}

/** The newest publication, or undefined before the first. */
export async function latestPublication(ledger: Database): Promise<JournalPublication | undefined> {
  const { rows } = await ledger.query("select * from branch.publication order by id desc limit 1");
  return rows[0] && publicationOf(rows[0]);
}

/** Throws a usage error when there is none of this number. */
export async function requirePublication(ledger: Database, id: number): Promise<JournalPublication> {
  const { rows } = await ledger.query("select * from branch.publication where id = $1", [id]);
  if (rows[0]) return publicationOf(rows[0]);
  throw usageError(`there is no publication ${id}`, "reelhouse history lists them");
}

/** `3` or `pub_3` as a number. Throws a usage error. */
export function publicationNumber(word: string): number {
  const [, digits] = /^(?:pub_)?([1-9]\d{0,8})$/.exec(word) ?? [];
  if (digits) return Number(digits);
  throw usageError(`expected the number of a publication, such as 3 or pub_3, found '${word}'`);
}

// biome-ignore lint/suspicious/noExplicitAny: a row of branch.publication
const publicationOf = (row: any): JournalPublication => ({
  id: row.id,
  kind: row.kind,
  runId: row.run_id,
  publishedAt: row.published_at,
  fingerprint: row.fingerprint,
  batches: row.batches,
  details: row.details,
});

/** SQL: the newest metadata file that any publication made current of the table that row `of` of the journal is about. */
export const newestLocationSql = (of: string) => `(
    select new_metadata_location from branch.publication_table as later
    where (later.table_namespace, later.table_name, later.table_uuid)
        = (${of}.table_namespace, ${of}.table_name, ${of}.table_uuid)
    order by publication_id desc limit 1
)`;

/** The tables of a publication, by name. */
export async function publishedTables(ledger: Database, id: number): Promise<JournalTable[]> {
  const { rows } = await ledger.query(
    // As text: a snapshot's id has 64 bits.
    `select *, snapshot_id::text as snapshot, ${newestLocationSql("published")} as newest_location
     from branch.publication_table as published
     where publication_id = $1 and new_metadata_location is not null
     order by table_namespace, table_name`,
    [id],
  );
  return rows.map((row) => ({
    name: `${row.table_namespace}.${row.table_name}`,
    rowCount: row.row_count,
    columns: row.columns ?? [],
    state:
      row.table_uuid === null
        ? undefined
        : {
            uuid: row.table_uuid,
            snapshotId: row.snapshot,
            schemaId: row.schema_id,
            specId: row.partition_spec_id,
            sortOrderId: row.sort_order_id,
            properties: row.properties,
          },
    newestLocation: row.newest_location,
  }));
}
