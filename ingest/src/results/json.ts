import { stringifyExactly } from "../json.ts";
import type { Pages } from "./format.ts";

/** One object per row, the column names as keys; a line per row. */
export async function* jsonRows(pages: Pages): AsyncGenerator<string> {
  let names: string[] = [];
  let first = true;
  yield "[";
  for await (const { columns, rows } of pages) {
    if (columns.length > 0) names = columns.map(({ name }) => name);
    for (const row of rows) {
      const members = names.map(
        (name, index) => `${JSON.stringify(name)}: ${stringifyExactly(row[index] ?? null)}`,
      );
      yield `${first ? "\n" : ",\n"}  {${members.join(", ")}}`;
      first = false;
    }
  }
  yield first ? "]\n" : "\n]\n";
}
