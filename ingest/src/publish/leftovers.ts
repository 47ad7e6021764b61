import { serviceError } from "../errors.ts";
import type { Settings } from "../settings.ts";
import { literal } from "../sql.ts";
import { connectTrino, runSource } from "../trino.ts";

/**
 * Ends what a killed run left running in Trino: such a statement could still commit, after the next run has looked.
 * Only the queries of runs and of dbt, never those that a person started, and only under the run lock.
 */
export async function stopLeftoverQueries(
  settings: Settings,
  user: "dbt" | "ingest" | "maintenance",
): Promise<void> {
  const trino = connectTrino(settings, user, { catalog: "system", source: "reelhouse-cleanup" });
  const deadlineMs = Date.now() + 60_000;
  for (;;) {
    const { rows } = await trino.query(
      `SELECT query_id FROM system.runtime.queries
       WHERE "user" = ${literal(user)} AND (source LIKE 'dbt%' OR source = ${literal(runSource)})
         AND state NOT IN ('FINISHED', 'FAILED')`,
    );
    if (rows.length === 0) return;
    if (Date.now() > deadlineMs) {
      throw serviceError(
        "trino",
        "end an earlier run's queries",
        new Error(`still running: ${rows.join(", ")}`),
      );
    }
    for (const [queryId] of rows) {
      // It may end by itself between the two statements.
      await trino
        .query(
          `CALL system.runtime.kill_query(query_id => ${literal(String(queryId))}, message => 'its run is gone')`,
        )
        .catch(() => undefined);
    }
  }
}
