import { Readable } from "node:stream";
import { connectCatalog, type Database } from "../catalog.ts";
import { alignedRows, type Command, type Context, commonOptions, type Words } from "../command.ts";
import { exitCode, usageError } from "../errors.ts";
import { stringifyExactly } from "../json.ts";
import {
  type RowDifferences,
  type RowSample,
  rowDifferences,
  type TableDifference,
  tableDifferences,
} from "../publish/diff.ts";
import { publicationNumber } from "../publish/journal.ts";
import { resultFormats } from "../results/formats.ts";
import { loadSettings } from "../settings.ts";
import { connectTrino } from "../trino.ts";

export const diff: Command = {
  summary: "what changed between two publications: tables, columns, and the rows of one table",
  positionals: "BEFORE AFTER [SCHEMA.TABLE]",
  options: {
    limit: {
      type: "string",
      value: "ROWS",
      help: "show at most so many rows that came, and that went (default: 20)",
    },
    json: commonOptions.json,
  },
  async run(words, context) {
    const [from, to, table, ...more] = words.positionals;
    if (from === undefined || to === undefined || more.length > 0)
      throw usageError("reelhouse diff: expected two publications", "reelhouse history lists them");
    const [before, after] = [publicationNumber(from), publicationNumber(to)];
    const ledger = await connectCatalog(loadSettings(context.env), "ledger");
    try {
      const tables = await tableDifferences(ledger, before, after);
      if (table === undefined) {
        context.print(
          words.options.json ? `${JSON.stringify({ before, after, tables })}\n` : describe(tables),
        );
        return exitCode.ok;
      }
      const rows = await rowsOf(ledger, { table, before, after }, words, context);
      const difference = tables.find(({ name }) => name === table);
      if (words.options.json)
        context.print(`${stringifyExactly({ before, after, table: difference, ...rowsAsJson(rows) })}\n`);
      else for await (const text of describeRows(rows)) context.print(text);
      return exitCode.ok;
    } finally {
      await ledger.end();
    }
  },
};

function rowsOf(
  ledger: Database,
  compared: { table: string; before: number; after: number },
  { options }: Words,
  { env, signal }: Context,
): Promise<RowDifferences> {
  const limit = options.limit ?? "20";
  if (typeof limit !== "string" || !/^\d{1,6}$/.test(limit))
    throw usageError(`--limit: expected a whole number of rows, found '${limit}'`);
  const trino = connectTrino(loadSettings(env), "bi", { catalog: "lakehouse", signal });
  return rowDifferences({ ledger, trino }, { ...compared, limit: Number(limit) });
}

function describe(tables: TableDifference[]): string {
  const changed = tables.filter(({ change }) => change !== "unchanged");
  const rest = tables.length - changed.length;
  const lines = changed.map((table) => [
    table.name,
    [`${table.change}: ${rowsInWords(table)}`, ...columnsInWords(table)].join("\n    "),
  ]);
  return `${changed.length > 0 ? alignedRows(lines) : ""}${rest > 0 ? `${rest} tables unchanged\n` : ""}`;
}

function rowsInWords({ change, rowsBefore, rowsAfter }: TableDifference): string {
  if (change === "added") return `${rowsAfter} rows`;
  if (change === "removed") return `${rowsBefore} rows`;
  return rowsBefore === rowsAfter
    ? `${rowsAfter} rows before and after`
    : `${rowsBefore} -> ${rowsAfter} rows`;
}

const columnsInWords = ({ columnsAdded, columnsRemoved, columnsRetyped }: TableDifference) => [
  ...columnsAdded.map(({ name, type }) => `column added: ${name} ${type}`),
  ...columnsRemoved.map(({ name, type }) => `column removed: ${name} ${type}`),
  ...columnsRetyped.map(({ name, before, after }) => `column retyped: ${name} ${before} -> ${after}`),
];

async function* describeRows({ came, went }: RowDifferences): AsyncGenerator<string | Uint8Array> {
  for (const [word, { count, sample }] of [
    ["came", came],
    ["went", went],
  ] as const) {
    yield `${count} ${count === 1 ? "row" : "rows"} ${word}${count > sample.rows.length ? `, the first ${sample.rows.length}` : ""}\n`;
    if (sample.rows.length > 0) yield* resultFormats.table.encode(Readable.from([sample]));
  }
}

/** Rows as objects by column. */
function rowsAsJson({ came, went }: RowDifferences) {
  const inJson = ({ count, sample }: RowSample) => ({
    count,
    rows: sample.rows.map((row) =>
      Object.fromEntries(sample.columns.map(({ name }, index) => [name, row[index]])),
    ),
  });
  return { came: inJson(came), went: inJson(went) };
}
