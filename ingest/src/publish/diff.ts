/** What changed between two publications: tables and columns by the journal, rows by Trino. */
import type { Database } from "../catalog.ts";
import { exitCode, ReelhouseError, usageError } from "../errors.ts";
import { identifier, literal } from "../sql.ts";
import type { Table, TrinoSession } from "../trino.ts";
import { type JournalTable, publishedTables, requirePublication } from "./journal.ts";
import type { TableColumn } from "./metadata.ts";
import { named } from "./publish.ts";

export interface TableDifference {
  /** `namespace.name`. */
  name: string;
  change: "added" | "removed" | "changed" | "unchanged";
  rowsBefore: number | null;
  rowsAfter: number | null;
  columnsAdded: TableColumn[];
  columnsRemoved: TableColumn[];
  columnsRetyped: { name: string; before: string; after: string }[];
}

/** Every table of either publication, by name. */
export async function tableDifferences(
  ledger: Database,
  before: number,
  after: number,
): Promise<TableDifference[]> {
  for (const id of [before, after]) await requirePublication(ledger, id);
  const old = byName(await publishedTables(ledger, before));
  const now = byName(await publishedTables(ledger, after));
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names.map((name) => differenceOf(name, old.get(name), now.get(name)));
}

const byName = (tables: JournalTable[]) => new Map(tables.map((table) => [table.name, table]));

function differenceOf(
  name: string,
  old: JournalTable | undefined,
  now: JournalTable | undefined,
): TableDifference {
  const columns = old && now ? columnDifferences(old.columns, now.columns) : noColumns;
  const rows = { rowsBefore: old?.rowCount ?? null, rowsAfter: now?.rowCount ?? null };
  return { name, change: changeOf(old, now), ...rows, ...columns };
}

/** A build replaces its tables, so one with the same rows counts as changed too: its rows say more. */
function changeOf(old: JournalTable | undefined, now: JournalTable | undefined): TableDifference["change"] {
  if (!old) return "added";
  if (!now) return "removed";
  const isSame = old.state !== undefined && JSON.stringify(old.state) === JSON.stringify(now.state);
  return isSame ? "unchanged" : "changed";
}

type ColumnDifferences = Pick<TableDifference, "columnsAdded" | "columnsRemoved" | "columnsRetyped">;
const noColumns: ColumnDifferences = { columnsAdded: [], columnsRemoved: [], columnsRetyped: [] };

export function columnDifferences(old: TableColumn[], now: TableColumn[]): ColumnDifferences {
  const typeBefore = new Map(old.map(({ name, type }) => [name, type]));
  const namesAfter = new Set(now.map(({ name }) => name));
  return {
    columnsAdded: now.filter(({ name }) => !typeBefore.has(name)),
    columnsRemoved: old.filter(({ name }) => !namesAfter.has(name)),
    columnsRetyped: now.flatMap(({ name, type }) => {
      const before = typeBefore.get(name) ?? type;
      return before === type ? [] : [{ name, before, after: type }];
    }),
  };
}

export interface RowDifferences {
  came: RowSample;
  went: RowSample;
}

export interface RowSample {
  count: number;
  /** The first `limit` of them, ordered by their columns. */
  sample: Table;
}

/** The rows of a table that only one of two publications has, in the columns that both have with the same type. */
export async function rowDifferences(
  { ledger, trino }: { ledger: Database; trino: TrinoSession },
  { table, before, after, limit }: { table: string; before: number; after: number; limit: number },
): Promise<RowDifferences> {
  const old = byName(await publishedTables(ledger, before)).get(table);
  const now = byName(await publishedTables(ledger, after)).get(table);
  if (!old || !now)
    throw usageError(
      `${table} is not in both publications`,
      `reelhouse diff ${before} ${after} lists the tables`,
    );
  if (old.state?.uuid !== now.state?.uuid) throw madeAnew(table);
  const types = new Map(old.columns.map(({ name, type }) => [name, type]));
  const columns = now.columns.filter(({ name, type }) => types.get(name) === type).map(({ name }) => name);
  const only = (here: number, there: number) => rowsOnlyIn(trino, { table, columns, here, there, limit });
  return { came: await only(after, before), went: await only(before, after) };
}

const madeAnew = (table: string) =>
  new ReelhouseError(
    `${table} was removed and made anew in between: its rows cannot be compared`,
    exitCode.failed,
    {
      next: "read each with FOR VERSION AS OF, where the table still has the tag",
    },
  );

async function rowsOnlyIn(
  trino: TrinoSession,
  {
    table,
    columns,
    here,
    there,
    limit,
  }: { table: string; columns: string[]; here: number; there: number; limit: number },
): Promise<RowSample> {
  const { namespace, name } = named(table);
  const list = columns.map(identifier).join(", ");
  const asOf = (id: number) =>
    `SELECT ${list} FROM ${identifier(namespace)}.${identifier(name)} FOR VERSION AS OF ${literal(`pub_${id}`)}`;
  // ALL: a row that is there once more counts, too.
  const rows = `(${asOf(here)} EXCEPT ALL ${asOf(there)})`;
  const counted = await trino.query(`SELECT count(*) FROM ${rows}`);
  const order = columns.map((_, index) => index + 1).join(", ");
  const sample = await trino.query(`SELECT * FROM ${rows} ORDER BY ${order} LIMIT ${limit}`);
  return { count: Number(counted.rows[0]?.[0]), sample };
}
