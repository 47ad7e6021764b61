import { literal, type TrinoSession } from "../trino.ts";

/**
 * Ends what a build that was killed left running in Trino: such a statement could still commit, on the branch that
 * the next build has just forked. Only dbt's own queries, and only under the run lock.
 */
export async function stopLeftoverQueries(trino: TrinoSession): Promise<void> {
  const deadlineMs = Date.now() + 60_000;
  for (;;) {
    const { rows } = await trino.query(
      `SELECT query_id FROM system.runtime.queries
       WHERE "user" = 'dbt' AND source LIKE 'dbt%' AND state NOT IN ('FINISHED', 'FAILED')`,
    );
    if (rows.length === 0) return;
    if (Date.now() > deadlineMs)
      throw new Error(`trino: queries of an earlier build do not end: ${rows.join(", ")}`);
    for (const [queryId] of rows) {
      // It may end by itself between the two statements.
      await trino
        .query(
          `CALL system.runtime.kill_query(query_id => ${literal(String(queryId))}, message => 'its build is gone')`,
        )
        .catch(() => undefined);
    }
  }
}
