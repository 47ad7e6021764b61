import { Readable } from "node:stream";
import { connectCatalog } from "../catalog.ts";
import {
  alignedRows,
  type Command,
  type Context,
  commonOptions,
  type Option,
  type Words,
} from "../command.ts";
import { exitCode, usageError } from "../errors.ts";
import { stringifyExactly } from "../json.ts";
import {
  publishedState,
  type RowDifferences,
  type RowSample,
  rowDifferences,
  type State,
  type TableDifference,
  tableDifferences,
} from "../publish/diff.ts";
import { publicationNumber } from "../publish/journal.ts";
import { resultFormats } from "../results/formats.ts";
import { loadSettings } from "../settings.ts";
import { connectTrino, type TrinoSession } from "../trino.ts";

export const limitOption = {
  type: "string",
  value: "ROWS",
  help: "show at most so many rows that came, and that went (default: 20)",
} as const satisfies Option;

export const diff: Command = {
  summary: "what changed between two publications: tables, columns, and the rows of one table",
  positionals: "BEFORE AFTER [SCHEMA.TABLE]",
  options: { limit: limitOption, json: commonOptions.json },
  async run(words, context) {
    const [from, to, table, ...more] = words.positionals;
    if (from === undefined || to === undefined || more.length > 0)
      throw usageError("reelhouse diff: expected two publications", "reelhouse history lists them");
    const [before, after] = [publicationNumber(from), publicationNumber(to)];
    const settings = loadSettings(context.env);
    const ledger = await connectCatalog(settings, "ledger");
    try {
      const states = {
        before: await publishedState(ledger, before),
        after: await publishedState(ledger, after),
      };
      const trino = connectTrino(settings, "bi", { catalog: "lakehouse", signal: context.signal });
      await showDifferences(trino, states, { table, heading: { before, after } }, words, context);
      return exitCode.ok;
    } finally {
      await ledger.end();
    }
  },
};

/** All tables, or the rows of one; `heading`: what JSON begins with. */
export async function showDifferences(
  trino: TrinoSession,
  states: { before: State; after: State },
  { table, heading }: { table: string | undefined; heading: object },
  { options }: Words,
  { print }: Context,
): Promise<void> {
  const limit = rowLimit(options.limit);
  const tables = tableDifferences(states.before, states.after);
  if (table === undefined) {
    print(options.json ? `${JSON.stringify({ ...heading, tables })}\n` : describe(tables));
    return;
  }
  const rows = await rowDifferences(trino, states, { table, limit });
  const difference = tables.find(({ name }) => name === table);
  if (options.json) print(`${stringifyExactly({ ...heading, table: difference, ...rowsAsJson(rows) })}\n`);
  else for await (const text of describeRows(rows)) print(text);
}

function rowLimit(text: Words["options"][string] = "20"): number {
  if (typeof text === "string" && /^\d{1,6}$/.test(text)) return Number(text);
  throw usageError(`--limit: expected a whole number of rows, found '${text}'`);
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
