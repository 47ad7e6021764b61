/** What a reader sees in all published tables at once, short enough to be compared. */
import type { TrinoUser } from "../../../ingest/src/settings.ts";
import { literal } from "../../../ingest/src/sql.ts";
import type { Stack } from "../stack.ts";

/** `schema.table` -> its rows, as a count and a checksum of all values. */
export type Readings = Record<string, string>;

/** Who reads what: every published table, unless told. */
interface Reader {
  user?: TrinoUser;
  catalog?: string;
  schemas?: string[];
}

/** The published tables, by name. */
export async function tableNames(stack: Stack): Promise<string[]> {
  return [...(await columnsByTable(stack)).keys()];
}

async function columnsByTable(
  stack: Stack,
  { user, catalog, schemas = ["silver", "gold"] }: Reader = {},
): Promise<Map<string, string[]>> {
  const rows = await stack.query(
    `SELECT table_schema || '.' || table_name AS name, array_agg(column_name ORDER BY ordinal_position) AS columns
     FROM information_schema.columns WHERE table_schema IN (${schemas.map(literal).join(", ")}) GROUP BY 1 ORDER BY 1`,
    user,
    catalog,
  );
  return new Map(rows.map(({ name, columns }) => [String(name), columns as string[]]));
}

/** All tables at once; `version`: as of when, e.g. `FOR VERSION AS OF 'pub_1'`. */
export async function readings(stack: Stack, version = "", reader: Reader = {}): Promise<Readings> {
  const [now = {}] = await readingsAsOf(stack, [version], reader);
  return now;
}

/** As of each version, in their order: a statement each, over the tables that there are now. */
export async function readingsAsOf(
  stack: Stack,
  versions: string[],
  reader: Reader = {},
): Promise<Readings[]> {
  const tables = [...(await columnsByTable(stack, reader))];
  const found: Readings[] = [];
  for (const version of versions) {
    const rows = await stack.query(
      tables
        .map(([name, columns]) => {
          const row = columns.map((column) => `"${column}"`).join(", ");
          return `SELECT '${name}' AS name, count(*) AS rows, to_hex(checksum(ROW(${row}))) AS sum FROM ${name} ${version}`;
        })
        .join(" UNION ALL "),
      reader.user,
      reader.catalog,
    );
    const readings = rows.map(({ name, rows: count, sum }) => [String(name), `${count} rows, ${sum}`]);
    found.push(Object.fromEntries(readings.sort()));
  }
  return found;
}

/** The time of a publication, as a literal of Trino's. */
export async function published(stack: Stack, id: number): Promise<string> {
  const time = await stack.catalogQuery(
    `select to_char(published_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS') from branch.publication where id = ${id}`,
  );
  return `TIMESTAMP '${time} UTC'`;
}
