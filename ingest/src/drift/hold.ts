/** Why a delivery waits for somebody's decision instead of being loaded. */
import type { RejectSummary } from "../bronze/parts.ts";
import { exitCode, ReelhouseError } from "../errors.ts";
import type { Counts, Hold } from "../ledger.ts";

/** The delivery is readable, and held back whole: exit 3. Its bytes are kept. */
export class HeldBack extends ReelhouseError {
  readonly hold: Hold;
  constructor(file: string, hold: Hold) {
    super(`${file}: held back: ${hold.reason}`, exitCode.inputRefused, { next: hold.next });
    this.hold = hold;
  }
}

/** Fewer rejected rows are looked at by a person, whatever their share. */
const toleratedRejects = 10;

/** Throws when a batch has more rejects than its source allows. `maximumPercent`: of the rows read. */
export function checkErrorBudget(
  { rowsRead, rowsQuarantined }: Counts,
  rejectSummary: RejectSummary,
  { file, batchId, maximumPercent }: { file: string; batchId: string; maximumPercent: number },
): void {
  const percent = (100 * rowsQuarantined) / Math.max(1, rowsRead);
  if (rowsQuarantined <= toleratedRejects || percent <= maximumPercent) return;
  const reasons = Object.entries(rejectSummary.reasons).map(([reason, count]) => `${count} ${reason}`);
  throw new HeldBack(file, {
    reason: `${rowsQuarantined} of ${rowsRead} rows are no rows (${percent.toFixed(1)} %: ${reasons.join(", ")}), ${maximumPercent} % are allowed`,
    next: `${releaseAdvice(batchId)}, or set 'max_rejected' or how the file is read in pipeline.yaml and run again`,
    details: { rowsRead, rowsQuarantined, maximumPercent, ...rejectSummary },
  });
}

export const releaseAdvice = (batchId: string) =>
  `look at the file; load it as it is: reelhouse batch release ${batchId.slice(0, 12)}`;
