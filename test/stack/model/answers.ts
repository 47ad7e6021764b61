/** What the model is compared with: the lakehouse, and what its readers are told. */
import { expect } from "vitest";
import type { Driver } from "../publications/drive.ts";
import type { Row } from "../stack.ts";
import type { Moment } from "./model.ts";

export interface Real {
  driver: Driver;
  /** dbt's statements, on the branch. */
  dbt(sql: string): Promise<unknown>;
  /** A reader's. */
  read(sql: string): Promise<Row[]>;
  /** Upkeep; answers with its publication, where it published. */
  maintain(): Promise<Row | undefined>;
  /** The commands that ran, in their order. */
  log: string[];
}

/** So many tables are read in one statement: Trino bounds its stages. */
const tablesPerStatement = 40;

export async function expectAnswers({ read, log }: Real, questions: Moment[]): Promise<void> {
  for (let first = 0; first < questions.length; first += tablesPerStatement) {
    const some = questions.slice(first, first + tablesPerStatement);
    const rows = await read(
      some
        .map(({ table, asOf }, index) => `SELECT ${index} AS i, v, n FROM ${table} ${asOf}`)
        .join(" UNION ALL "),
    );
    const answers = some.map(({ table, asOf }, index) => ({
      question: `${table} ${asOf}`,
      rows: rows
        .filter(({ i }) => i === index)
        .map(({ v, n }) => `${v}:${n}`)
        .sort(),
    }));
    const expected = some.map(({ table, asOf, v }) => ({
      question: `${table} ${asOf}`,
      rows: Array.from({ length: v }, (_, index) => `${v}:${index + 1}`),
    }));
    expect(answers, log.join("\n")).toEqual(expected);
  }
}
