/** What changed between two states, such as publications: tables and columns by the journal, rows by Trino. */
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

/** One of two states that are compared. */
export interface State {
  /** By name. */
  tables: Map<string, JournalTable>;
  /** How SQL reads a table of it. */
  relation(table: string): string;
}

export async function publishedState(ledger: Database, id: number): Promise<State> {
  await requirePublication(ledger, id);
  const tables = await publishedTables(ledger, id);
  return {
    tables: new Map(tables.map((table) => [table.name, table])),
    relation: (table) => `${relationIn("lakehouse", table)} FOR VERSION AS OF ${literal(`pub_${id}`)}`,
  };
}

export function relationIn(catalog: string, table: string): string {
  const { namespace, name } = named(table);
  return [catalog, namespace, name].map(identifier).join(".");
}

/** Every table of either state, by name. */
export function tableDifferences(before: State, after: State): TableDifference[] {
  const names = [...new Set([...before.tables.keys(), ...after.tables.keys()])].sort();
  return names.map((name) => differenceOf(name, before.tables.get(name), after.tables.get(name)));
}

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

/** The rows of a table that only one of two states has, in the columns that both have with the same type. */
export async function rowDifferences(
  trino: TrinoSession,
  { before, after }: { before: State; after: State },
  { table, limit }: { table: string; limit: number },
): Promise<RowDifferences> {
  const old = before.tables.get(table);
  const now = after.tables.get(table);
  if (!old || !now)
    throw usageError(`${table} is not in both`, "the same command without a table lists what there is");
  if (old.state?.uuid !== now.state?.uuid) throw madeAnew(table);
  const types = new Map(old.columns.map(({ name, type }) => [name, type]));
  const columns = now.columns.filter(({ name, type }) => types.get(name) === type).map(({ name }) => name);
  const [there, here] = [before.relation(table), after.relation(table)];
  return {
    came: await rowsOnlyIn(trino, { columns, here, there, limit }),
    went: await rowsOnlyIn(trino, { columns, here: there, there: here, limit }),
  };
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
  { columns, here, there, limit }: { columns: string[]; here: string; there: string; limit: number },
): Promise<RowSample> {
  const list = columns.map(identifier).join(", ");
  // ALL: a row that is there once more counts, too.
  const rows = `(SELECT ${list} FROM ${here} EXCEPT ALL SELECT ${list} FROM ${there})`;
  const counted = await trino.query(`SELECT count(*) FROM ${rows}`);
  const order = columns.map((_, index) => index + 1).join(", ");
  const sample = await trino.query(`SELECT * FROM ${rows} ORDER BY ${order} LIMIT ${limit}`);
  return { count: Number(counted.rows[0]?.[0]), sample };
}
