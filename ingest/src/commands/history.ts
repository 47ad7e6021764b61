import { Readable } from "node:stream";
import { connectCatalog } from "../catalog.ts";
import { type Command, commonOptions } from "../command.ts";
import { exitCode } from "../errors.ts";
import { resultFormats } from "../results/formats.ts";
import { loadSettings } from "../settings.ts";

const columns = [
  "id",
  "published_at",
  "kind",
  "branch",
  "restores",
  "run_id",
  "batches",
  "batches_added",
  "tables",
  "tables_changed",
  "tests_passed",
  "missing",
  "expired_at",
];

/** Changed: another snapshot than in the publication before, or a table of the one only. */
const statement = `
  with publication as (
      select *, lag(id) over (order by id) as previous from branch.publication
  ), published as (
      select * from branch.publication_table where new_metadata_location is not null
  )
  select id, kind, run_id, details ->> 'restores' as restores, details ->> 'branch' as branch,
      to_char(published_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as published_at,
      to_char(expired_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as expired_at,
      jsonb_array_length(batches) as batches,
      (select count(*) from (
          select jsonb_array_elements_text(publication.batches)
          except
          select jsonb_array_elements_text(batches) from branch.publication as p where p.id = previous
      ) as added) as batches_added,
      (select count(*) from published where publication_id = publication.id) as tables,
      (select count(*) from (select * from published where publication_id = publication.id) as new
       full join (select * from published where publication_id = publication.previous) as old
           using (table_namespace, table_name)
       where (new.table_uuid, new.snapshot_id) is distinct from (old.table_uuid, old.snapshot_id)) as tables_changed,
      (details #>> '{tests,passed}')::int as tests_passed,
      (select string_agg(source, ', ') from jsonb_array_elements_text(details -> 'missing') as source) as missing
  from publication order by id desc`;

export const history: Command = {
  summary: "the publications, newest first",
  positionals: "",
  options: { json: commonOptions.json },
  async run(words, { print, env }) {
    const ledger = await connectCatalog(loadSettings(env), "ledger");
    try {
      const { rows } = await ledger.query(statement);
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
