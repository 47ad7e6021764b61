import { connectCatalog, type Database } from "../catalog.ts";
import { alignedRows, type Command, commonOptions } from "../command.ts";
import { exitCode } from "../errors.ts";
import { type HeldBatch, heldBatches, type LoadedDelivery, loadedDeliveries } from "../ledger.ts";
import { latestPublication } from "../publish/journal.ts";
import { loadContracts } from "../read/contract.ts";
import { loadSettings } from "../settings.ts";

interface SourceStatus {
  source: string;
  batches: number;
  rows: number;
  quarantined: number;
  newestBatchAt: Date | null;
  /** Files that the latest run refused; what is published comes from others. */
  refused: { file: string; message: string; at: Date }[];
  /** Batches that wait for a decision. */
  held: HeldBatch[];
  /** Batches that are loaded and do not count. */
  excluded: LoadedDelivery[];
}

export const status: Command = {
  summary: "freshness of each source, the last publication, held deliveries",
  positionals: "",
  options: { json: commonOptions.json },
  async run(words, { print, env }) {
    const ledger = await connectCatalog(loadSettings(env), "ledger");
    try {
      const sources = await sourceStatus(ledger);
      const publication = await latestPublication(ledger);
      const report = {
        sources,
        publication: publication ? { id: publication.id, publishedAt: publication.publishedAt } : null,
        unpublished: await unpublishedBatches(ledger),
        stillPublished: await excludedAndPublished(ledger),
      };
      print(words.options.json ? `${JSON.stringify(report)}\n` : describe(report));
      return exitCode.ok;
    } finally {
      await ledger.end();
    }
  },
};

async function sourceStatus(ledger: Database): Promise<SourceStatus[]> {
  const { rows: batches } = await ledger.query(
    `select source, count(*) as batches, sum(rows_accepted)::bigint as rows,
         sum(rows_quarantined)::bigint as quarantined, max(committed_at) as newest
     from ledger.batch where state = 'committed' group by source`,
  );
  const { rows: refusals } = await ledger.query(
    "select source, source_file, message, refused_at from ledger.refusal",
  );
  const held = await heldBatches(ledger);
  const excluded = await loadedDeliveries(ledger, { state: "excluded" });
  const sources = new Set([
    ...loadContracts().keys(),
    ...[...batches, ...refusals, ...held, ...excluded].map(({ source }) => source),
  ]);
  return [...sources].map((source) => {
    const loaded = batches.find((row) => row.source === source);
    const refused = refusals.filter((row) => row.source === source);
    return {
      source,
      batches: loaded?.batches ?? 0,
      rows: loaded?.rows ?? 0,
      quarantined: loaded?.quarantined ?? 0,
      newestBatchAt: loaded?.newest ?? null,
      refused: refused.map((row) => ({ file: row.source_file, message: row.message, at: row.refused_at })),
      held: held.filter((batch) => batch.source === source),
      excluded: excluded.filter((batch) => batch.source === source),
    };
  });
}

/** How many committed batches the newest publication does not contain. */
async function unpublishedBatches(ledger: Database): Promise<number> {
  const { rows } = await ledger.query(
    `select count(*) as batches from ledger.batch
     where state = 'committed' and not exists (
         select from branch.publication
         where id = (select max(id) from branch.publication) and batches ? (source || '/' || batch_id))`,
  );
  return rows[0].batches;
}

/** How many excluded batches the newest publication contains. */
async function excludedAndPublished(ledger: Database): Promise<number> {
  const { rows } = await ledger.query(
    `select count(*) as batches from ledger.batch
     where state = 'excluded' and exists (
         select from branch.publication
         where id = (select max(id) from branch.publication) and batches ? (source || '/' || batch_id))`,
  );
  return rows[0].batches;
}

type Report = {
  sources: SourceStatus[];
  publication: { id: number; publishedAt: Date } | null;
  unpublished: number;
  stillPublished: number;
};

function describe({ sources, publication, unpublished, stillPublished }: Report): string {
  const lines = sources.map(
    ({ source, batches, rows, quarantined, newestBatchAt, refused, held, excluded }) => [
      source,
      (newestBatchAt
        ? `${rows} rows in ${batches} batches, ${quarantined} in quarantine, newest ${age(newestBatchAt)}`
        : "nothing loaded yet") +
        refused.map(({ at, message }) => `\n    refused ${age(at)}: ${message}`).join("") +
        held
          .map((batch) => `\n    held back ${age(batch.heldAt)}: ${batch.file}: ${batch.hold.reason}`)
          .join("") +
        excluded.map(({ file, rows }) => `\n    excluded: ${file}: ${rows} rows`).join(""),
    ],
  );
  const published = publication
    ? `publication ${publication.id}, ${age(publication.publishedAt)}`
    : "nothing published yet";
  const waiting = unpublished > 0 ? `; ${unpublished} batches are loaded and not published` : "";
  const leaving =
    stillPublished > 0 ? `; ${stillPublished} excluded batches are in it until the next run` : "";
  return `${alignedRows(lines)}\n${published}${waiting}${leaving}\n`;
}

function age(time: Date): string {
  const minutes = Math.max(0, Math.round((Date.now() - time.getTime()) / 60_000));
  if (minutes < 1) return "just now";
  if (minutes < 120) return `${minutes} minutes ago`;
  return minutes < 48 * 60
    ? `${Math.round(minutes / 60)} hours ago`
    : `${Math.round(minutes / 1440)} days ago`;
}
