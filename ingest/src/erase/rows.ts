/** Rows that are to leave bronze for good: found, and taken out on a fork that no reader sees. */
import { stackBuckets } from "../buckets.ts";
import { exitCode, ReelhouseError } from "../errors.ts";
import type { Erasure } from "../publish/publish.ts";
import { identifier, literal } from "../sql.ts";
import type { TrinoSession } from "../trino.ts";

export interface Selection {
  sources: string[];
  /** SQL over the columns of each source's table in bronze. */
  where: string;
  /** Rows in quarantine whose text contains this, in capitals or not; undefined: none. */
  text: string | undefined;
}

const tableOf = (source: string) => `bronze.${identifier(source)}`;

const rejectsOf = (source: string, text: string) =>
  `source = ${literal(source)} AND strpos(lower(raw), lower(${literal(text)})) > 0`;

/** What matches now, batch by batch, and the objects that hold it: the originals of those batches among them. */
export async function findRows(trino: TrinoSession, { sources, where, text }: Selection): Promise<Erasure> {
  const batches = new Map<string, Erasure["batches"][number]>();
  const objects = new Set<string>();
  const count = async (source: string, kind: "rows" | "rejects", statement: string) => {
    for (const [id, number, paths] of (await trino.query(statement)).rows) {
      const batchId = String(id);
      const key = `${source}/${batchId}`;
      const known = batches.get(key) ?? { source, batchId, rows: 0, rejects: 0 };
      batches.set(key, { ...known, [kind]: Number(number) });
      for (const path of paths as string[]) objects.add(path);
      objects.add(`s3://${stackBuckets.bronze}/originals/${key}`);
    }
  };
  const columns = (id: string) => `SELECT ${id}, count(*), array_agg(DISTINCT "$path")`;
  for (const source of sources) {
    await count(
      source,
      "rows",
      `${columns("_batch_id")} FROM ${tableOf(source)} WHERE (${where}) GROUP BY 1`,
    );
    if (text === undefined) continue;
    const from = `FROM bronze.quarantine WHERE ${rejectsOf(source, text)} GROUP BY 1`;
    await count(source, "rejects", `${columns("batch_id")} ${from}`);
  }
  return { batches: [...batches.values()], objects: [...objects].sort() };
}

/** The tables that lose rows, `batches` last: it counts them. */
export const erasedTables = ({ sources, text }: Selection) => [
  ...sources.map((source) => `bronze.${source}`),
  ...(text === undefined ? [] : ["bronze.quarantine"]),
  "bronze.batches",
];

/**
 * Takes the rows out and rewrites the files that held them. Throws, before anything is published, if one of them is
 * still part of its table.
 */
export async function eraseRows(trino: TrinoSession, selection: Selection, erasure: Erasure): Promise<void> {
  const { sources, where, text } = selection;
  for (const source of sources) await erasedFrom(trino, source, where, erasure);
  if (text !== undefined)
    await erasedFrom(
      trino,
      "quarantine",
      sources.map((source) => `(${rejectsOf(source, text)})`).join(" OR "),
      erasure,
    );
  await trino.query(countedLess(erasure));
  const left = await findRows(trino, selection);
  if (left.batches.length > 0) throw defect(`${left.batches.length} batches still have rows that match`);
  for (const table of [...sources, "quarantine"]) {
    const [named] = await namedObjects(trino, table, erasure);
    if (named !== undefined) throw defect(`${named} is still part of bronze.${table}`);
  }
}

/**
 * A row that is deleted stays in its file until that is rewritten; and a file that is gone stays in a list of files, with
 * the least and the greatest value of each column, until that list is rewritten.
 */
async function erasedFrom(
  trino: TrinoSession,
  table: string,
  where: string,
  erasure: Erasure,
): Promise<void> {
  const place = tableOf(table);
  const rewriteFiles = `ALTER TABLE ${place} EXECUTE optimize(file_size_threshold => '1B')`;
  const rewriteLists = `ALTER TABLE ${place} EXECUTE optimize_manifests`;
  await trino.query(`DELETE FROM ${place} WHERE ${where}`);
  await trino.query(rewriteFiles);
  await trino.query(rewriteLists);
  if ((await namedObjects(trino, table, erasure)).length === 0) return;
  // Trino does not rewrite a list that is the only one of its table: a row that comes and goes makes a second one.
  const batchId = table === "quarantine" ? "batch_id" : "_batch_id";
  await trino.query(`INSERT INTO ${place} (${batchId}) VALUES ('erasure')`);
  await trino.query(rewriteLists);
  await trino.query(`DELETE FROM ${place} WHERE ${batchId} = 'erasure'`);
  await trino.query(rewriteFiles);
}

/** Which of the objects a table's lists of files name, be it as deleted. */
async function namedObjects(trino: TrinoSession, table: string, { objects }: Erasure): Promise<string[]> {
  const { rows } = await trino.query(
    `SELECT data_file.file_path FROM bronze.${identifier(`${table}$entries`)}
     WHERE data_file.file_path IN (${objects.map(literal).join(", ")})`,
  );
  return rows.map(([path]) => String(path));
}

/** What is counted per batch has to add up with what is there. */
function countedLess({ batches }: Erasure): string {
  const entries = batches.map(
    ({ source, batchId, rows, rejects }) =>
      `(${literal(source)}, ${literal(batchId)}, BIGINT '${rows}', BIGINT '${rejects}')`,
  );
  return `MERGE INTO bronze.batches AS entry
    USING (VALUES ${entries.join(", ")}) AS erased (source, batch_id, rows, rejects)
    ON entry.source = erased.source AND entry.batch_id = erased.batch_id
    WHEN MATCHED THEN UPDATE SET
        rows_read = entry.rows_read - erased.rows - erased.rejects,
        rows_accepted = entry.rows_accepted - erased.rows,
        rows_quarantined = entry.rows_quarantined - erased.rejects`;
}

const defect = (what: string) =>
  new ReelhouseError(`erase: ${what}; nothing was changed`, exitCode.failed, {
    next: "this is a defect: keep the log of Trino and tell the project",
  });
