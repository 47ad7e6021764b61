import { loadingParts } from "../checks.ts";
import { type Command, type Context, commonOptions, type Words } from "../command.ts";
import type { Source } from "../config.ts";
import { configuredPipeline } from "../configuration.ts";
import { exitCode, usageError } from "../errors.ts";
import { resultFormats } from "../results/formats.ts";
import { withRun } from "../session.ts";
import { loadSettings } from "../settings.ts";
import { literal } from "../sql.ts";
import { replayStep } from "../steps.ts";
import { connectTrino } from "../trino.ts";

const usage = "expected 'list', 'show SOURCE [ID]' or 'replay SOURCE [ID]'";

export const quarantine: Command = {
  summary: "rows that are no rows: count them, show them, read them again after an option was mended",
  positionals: "list | show SOURCE [ID] | replay SOURCE [ID]",
  options: { config: commonOptions.config, wait: commonOptions.wait, json: commonOptions.json },
  async run(words, context) {
    const [action, source, id = "", ...more] = words.positionals;
    if (more.length > 0) throw usageError(`reelhouse quarantine: ${usage}`);
    if (action === "list" && source === undefined) return print(listing, words, context);
    if (source === undefined || !/^[0-9a-f]{0,64}$/.test(id))
      throw usageError(`reelhouse quarantine: ${usage}`);
    if (action === "show") return print(rowsOf(source, id), words, context);
    if (action === "replay") return replaySource(source, id, words, context);
    throw usageError(`reelhouse quarantine: ${usage}, found '${action}'`);
  },
};

/** Only of batches that are loaded. */
const counted = `bronze.quarantine AS reject
  JOIN bronze.batches AS batch ON batch.source = reject.source AND batch.batch_id = reject.batch_id`;

const listing = `SELECT reject.source, reject.batch_id, reject.source_file, reject.reason, count(*) AS rows
  FROM ${counted} GROUP BY 1, 2, 3, 4 ORDER BY 1, 3, 4`;

const rowsOf = (source: string, id: string) =>
  `SELECT reject.source_file, reject.line_number, reject.row_number, reject.reason, reject.raw
   FROM ${counted} WHERE reject.source = ${literal(source)} AND starts_with(reject.batch_id, ${literal(id)})
   ORDER BY batch.load_order, reject.row_number`;

async function print(statement: string, { options }: Words, context: Context): Promise<number> {
  const trino = connectTrino(loadSettings(context.env), "admin", {
    catalog: "lakehouse",
    signal: context.signal,
  });
  const format = options.json ? resultFormats.json : resultFormats.table;
  for await (const text of format.encode(trino.pages(statement))) context.print(text);
  return exitCode.ok;
}

async function replaySource(name: string, id: string, words: Words, context: Context): Promise<number> {
  const pipeline = configuredPipeline(words, context.env);
  const source = requireSource(name, pipeline.sources);
  return withRun({ command: "quarantine replay", parts: loadingParts, words, context }, async (run) => {
    const result = await replayStep(run, pipeline, { source, id });
    if (words.options.json) context.print(`${JSON.stringify(result)}\n`);
    return exitCode.ok;
  });
}

function requireSource(name: string, sources: readonly Source[]): Source {
  const source = sources.find((known) => known.name === name || known.key === name);
  if (source) return source;
  throw usageError(
    `no source '${name}' in pipeline.yaml; it has ${sources.map(({ key }) => key).join(", ")}`,
  );
}
