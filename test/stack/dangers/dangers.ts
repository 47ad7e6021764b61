/** What each part of the proofs starts from. */
import { type Driver, openDriver } from "../publications/drive.ts";
import type { Row, Stack } from "../stack.ts";

export interface Dangers {
  stack: Stack;
  /** The publish functions. */
  driver: Driver;
  /** A statement of dbt's, on the branch. */
  dbt(sql: string): Promise<Row[]>;
}

export async function openDangers(stack: Stack): Promise<Dangers> {
  const driver = await openDriver(stack);
  const dbt = (sql: string) => stack.query(sql, "dbt", "audit");
  await driver.call("fork");
  await dbt("CREATE SCHEMA IF NOT EXISTS gold");
  // Nothing is published: so nothing is there, and the schema is.
  await driver.call("publish");
  return { stack, driver, dbt };
}

/** So many rows of the value `v`. */
export const rowsOf = (v: number) =>
  `SELECT ${v} AS v, n FROM UNNEST(sequence(1, ${v})) AS t (n) WHERE n BETWEEN 1 AND ${v}`;
