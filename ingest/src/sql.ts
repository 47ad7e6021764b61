/** Standard SQL, as Trino and DuckDB both understand it. */

/** A string as an SQL literal. */
export const literal = (text: string | null): string =>
  text === null ? "NULL" : `'${text.replaceAll("'", "''")}'`;

/** A name as an SQL identifier. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
