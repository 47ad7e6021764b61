/** What Trino does for upkeep: rewriting files and counting values, on a fork that no reader sees. */
import { exitCode, ReelhouseError } from "../errors.ts";
import { named } from "../publish/publish.ts";
import { identifier } from "../sql.ts";
import type { TrinoSession } from "../trino.ts";
import type { Needs } from "./health.ts";

/** Throws, before anything is published, if a table has another number of rows afterwards. */
export async function rewriteTable(trino: TrinoSession, table: string, needs: Needs): Promise<void> {
  const { namespace, name } = named(table);
  const place = `${identifier(namespace)}.${identifier(name)}`;
  const count = async () => Number((await trino.query(`SELECT count(*) FROM ${place}`)).rows[0]?.[0]);
  const before = await count();
  if (needs.compact) await trino.query(`ALTER TABLE ${place} EXECUTE optimize`);
  if (needs.manifests) await trino.query(`ALTER TABLE ${place} EXECUTE optimize_manifests`);
  if (needs.analyze) await trino.query(`ANALYZE ${place}`);
  const after = await count();
  if (after === before) return;
  throw new ReelhouseError(
    `maintain ${table}: ${before} rows before, ${after} after: nothing was published`,
    exitCode.failed,
    { next: "this is a defect: keep the log of Trino and tell the project" },
  );
}
