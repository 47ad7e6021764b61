/** How far a recovery is: with pointers and without a ledger, a load would take every file for new. */
import type { Database } from "../catalog.ts";
import { exitCode, ReelhouseError } from "../errors.ts";

export const recoverCommand = "recover-catalog";

export async function recoveryState(ledger: Database): Promise<"empty" | "unfinished" | "filled"> {
  const { rows } = await ledger.query(
    `select branch.is_empty() as empty, (
         select finished_at is null from ledger.run where command = $1 order by started_at desc limit 1
     ) as unfinished`,
    [recoverCommand],
  );
  if (rows[0].empty) return "empty";
  return rows[0].unfinished === true ? "unfinished" : "filled";
}

/** Throws while a recovery waits to be finished. */
export async function requireRecovered(ledger: Database): Promise<void> {
  const state = await recoveryState(ledger);
  if (state === "empty") await endFruitless(ledger);
  if (state !== "unfinished") return;
  throw new ReelhouseError("the catalog is recovered in part: the ledger is missing", exitCode.failed, {
    next: "finish it: reelhouse recover-catalog",
  });
}

/** One that filled nothing is over: what is loaded now would be taken for recovered in part. */
async function endFruitless(ledger: Database): Promise<void> {
  await ledger.query(
    "update ledger.run set finished_at = now(), exit_code = $2 where command = $1 and finished_at is null",
    [recoverCommand, exitCode.failed],
  );
}
