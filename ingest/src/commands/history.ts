import { Readable } from "node:stream";
import { connectCatalog } from "../catalog.ts";
import { type Command, commonOptions } from "../command.ts";
import { exitCode } from "../errors.ts";
import { resultFormats } from "../results/formats.ts";
import { loadSettings } from "../settings.ts";

export const history: Command = {
  summary: "the publications, newest first",
  positionals: "",
  options: { json: commonOptions.json },
  async run(words, { print, env }) {
    const ledger = await connectCatalog(loadSettings(env), "ledger");
    try {
      const { rows } = await ledger.query(
        `select id, to_char(published_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as published_at, kind, run_id,
             jsonb_array_length(batches) as batches,
             (select count(*) from branch.publication_table as t
              where t.publication_id = publication.id and new_metadata_location is not null) as tables,
             (details #>> '{tests,passed}')::int as tests_passed,
             (select string_agg(source, ', ') from jsonb_array_elements_text(details -> 'missing') as source) as missing
         from branch.publication order by id desc`,
      );
      const columns = [
        "id",
        "published_at",
        "kind",
        "run_id",
        "batches",
        "tables",
        "tests_passed",
        "missing",
      ];
      const table = {
        columns: columns.map((name) => ({ name, type: "varchar" })),
        rows: rows.map((row) => columns.map((name) => row[name])),
      };
      const format = words.options.json ? resultFormats.json : resultFormats.table;
      for await (const text of format.encode(Readable.from([table]))) print(text);
      return exitCode.ok;
    } finally {
      await ledger.end();
    }
  },
};
