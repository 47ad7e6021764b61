import { openAsOf } from "../branches/as-of.ts";
import { loadingParts, requireHealthy } from "../checks.ts";
import { type Command, choiceOption } from "../command.ts";
import { exitCode, usageError } from "../errors.ts";
import { resultFormatNames, resultFormats } from "../results/formats.ts";
import { loadSettings, trinoUsers } from "../settings.ts";
import { connectTrino, StatementError } from "../trino.ts";

export const sql: Command = {
  summary: "run a SQL statement through Trino",
  positionals: "[STATEMENT]   (default: standard input)",
  options: {
    format: { type: "string", value: "FORMAT", help: "table, csv, json or arrow (default: table)" },
    user: { type: "string", value: "USER", help: "admin, bi, dbt, developer or ingest (default: bi)" },
    "as-of": {
      type: "string",
      value: "WHEN",
      help: "read the whole lakehouse as of a publication (3, pub_3) or a time (2026-11-27T09:30:00Z)",
    },
    catalog: {
      type: "string",
      value: "CATALOG",
      help: "default catalog of the statement (default: lakehouse)",
    },
  },
  async run(words, { print, isTerminal, env, signal }) {
    const format = choiceOption(words, "format", resultFormatNames);
    const user = choiceOption({ ...words, options: { user: "bi", ...words.options } }, "user", trinoUsers);
    if (resultFormats[format].isBinary && isTerminal) throw notForTerminals(format);
    const { "as-of": when, catalog: named } = words.options;
    if (when !== undefined && named !== undefined)
      throw usageError("reelhouse sql: --as-of reads the lakehouse: give it or --catalog, not both");
    if (words.positionals.length > 1)
      throw usageError("reelhouse sql: expected one statement; put it in quotes");
    const statement = (words.positionals[0] ?? (await standardInput())).trim().replace(/;$/, "");
    if (!statement)
      throw usageError("reelhouse sql: expected a statement, as an argument or on standard input");
    const settings = loadSettings(env);
    const catalog =
      when === undefined ? String(named ?? "lakehouse") : await openAsOf(settings, String(when));
    const trino = connectTrino(settings, user, { catalog, signal, source: "reelhouse-sql" });
    try {
      for await (const part of resultFormats[format].encode(trino.pages(statement))) print(part);
    } catch (error) {
      // A store or a catalog that went away; which of the two it was is asked here.
      if (error instanceof StatementError && !error.isUserError) await requireHealthy(settings, loadingParts);
      throw error;
    }
    return exitCode.ok;
  },
};

const notForTerminals = (format: string) =>
  usageError(
    `reelhouse sql: --format ${format} writes bytes that a terminal cannot show`,
    `redirect them: > result.${format}s, or choose another format`,
  );

async function standardInput(): Promise<string> {
  if (process.stdin.isTTY) return "";
  return Buffer.concat(await process.stdin.toArray()).toString("utf8");
}
