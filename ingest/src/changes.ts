/** What a build has to compute: only what other batches bring since the publication that it starts from, or all. */
import { isDeepStrictEqual } from "node:util";
import { batchName, type LoadedRows } from "./ledger.ts";
import type { JournalPublication, JournalTable } from "./publish/journal.ts";
import type { Pointers } from "./publish/publish.ts";
import { recoverCommand } from "./recover/state.ts";
import type { Run } from "./session.ts";
import { trinoVersion } from "./versions.ts";

/** By source: ids of batches. */
type BatchesBySource = Record<string, string[]>;

/** The difference between what counts and what the publication has seen; `dbt_project/macros/incremental.sql` reads it. */
export interface ChangedBatches {
  added: BatchesBySource;
  removed: BatchesBySource;
}

/**
 * What rows become, beside the batches: the dbt project; the year, which bounds valid years; Trino, whose functions make
 * keys and numbers; how many erasures there were, for they take rows out of batches; and how many recoveries of the catalog,
 * which take bronze as it is found. A publication has them in its `details`.
 */
export interface Rules {
  projectSha256: string;
  year: number;
  trino: string;
  erasures: number;
  recoveries: number;
}

/** Why everything is built; or which batches are looked at. */
export type Scope = { whole: string; changed?: undefined } | { changed: ChangedBatches };

/** Each is a literal in several statements. */
const mostBatches = 200;
/** Of all rows. With more of them, whole tables are made in less time than their rows are replaced. */
const mostShare = 0.1;

export async function currentRules({ settings, ledger }: Run, projectSha256: string): Promise<Rules> {
  const { rows } = await ledger.query(
    `select (select count(*)::integer from ledger.erasure) as erasures,
         (select count(*)::integer from ledger.run where command = $1) as recoveries`,
    [recoverCommand],
  );
  const { erasures, recoveries } = rows[0];
  return { projectSha256, year: currentYear(), trino: await trinoVersion(settings), erasures, recoveries };
}

export const currentYear = (): number => new Date().getUTCFullYear();

/**
 * `fork`: where the branch starts from. Everything is built unless it is certain that the tables of `latest` are there,
 * untouched, made by the same rules from the batches that the journal names.
 */
export function scopeOf(
  latest: { publication: JournalPublication; tables: readonly JournalTable[] } | undefined,
  { batches, rules, fork }: { batches: readonly LoadedRows[]; rules: Rules; fork: Pointers },
): Scope {
  if (latest === undefined) return { whole: "nothing is published yet" };
  if (!isMadeBy(rules, latest.publication))
    return { whole: "the models, Trino or the year changed, or rows were erased" };
  if (!isWhatIsPublished(fork, latest.tables))
    return { whole: "the branch does not start from the newest publication" };
  const seen = new Set(latest.publication.batches);
  const added = batches.filter((batch) => batch.counts && !seen.has(batchName(batch)));
  const removed = batches.filter((batch) => !batch.counts && seen.has(batchName(batch)));
  const counted = batches.filter(({ counts }) => counts);
  if (seen.size + added.length - removed.length !== counted.length) return { whole: "a batch is gone" };
  const changed = [...added, ...removed];
  if (changed.length === 0) return { whole: "no batch changed" };
  if (changed.length > mostBatches) return { whole: `more than ${mostBatches} batches changed` };
  if (rowsOf(changed) > mostShare * rowsOf(counted)) return { whole: "many rows changed" };
  return { changed: { added: bySource(added), removed: bySource(removed) } };
}

export function isMadeBy(rules: Rules, { details }: JournalPublication): boolean {
  return isDeepStrictEqual(details.rules, rules);
}

const isWhatIsPublished = (fork: Pointers, tables: readonly JournalTable[]) =>
  tables.length === fork.size &&
  tables.every(({ name, newestLocation }) => fork.get(name) === newestLocation);

const rowsOf = (batches: readonly LoadedRows[]) => batches.reduce((sum, { rows }) => sum + rows, 0);

function bySource(batches: readonly LoadedRows[]): BatchesBySource {
  const groups = Object.groupBy(batches, ({ source }) => source);
  return Object.fromEntries(
    Object.entries(groups).map(([source, members = []]) => [source, members.map(({ batchId }) => batchId)]),
  );
}
