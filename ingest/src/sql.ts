/** Standard SQL, as Trino and DuckDB both understand it. */

/** A string as an SQL literal. */
export const literal = (text: string | null): string =>
  text === null ? "NULL" : `'${text.replaceAll("'", "''")}'`;

/** A name as an SQL identifier. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** The first words of a statement, for a message. */
export const excerpt = (sql: string, length: number): string =>
  sql.trim().replace(/\s+/g, " ").slice(0, length);
