/** How each open branch stands: what `reelhouse branch list` shows. */
import type { Database } from "../catalog.ts";
import { latestPublication } from "../publish/journal.ts";
import { branchPointers, type Pointers } from "../publish/publish.ts";
import { branchCatalog } from "./catalogs.ts";
import { type Branch, changedTables, openBranches } from "./registry.ts";

export interface BranchStatus {
  name: string;
  catalog: string;
  createdAt: Date;
  ageSeconds: number;
  forkedFrom: number;
  /** Tables of silver and gold that are not as they started. */
  changed: string[];
  /** Whether all tests passed on what the branch has now. */
  tested: Tested;
  /** Why it would not be published; null: it would. */
  refusal: "re-fork" | "untested" | null;
}

type Tested = "yes" | "no" | "changed since";

export async function branchStatuses(ledger: Database, now: Date): Promise<BranchStatus[]> {
  const latest = await latestPublication(ledger);
  const statuses: BranchStatus[] = [];
  for (const branch of await openBranches(ledger)) {
    const { name, createdAt, forkedFrom } = branch;
    const catalog = branchCatalog(name);
    const pointers = await branchPointers(ledger, catalog);
    const tested = testedNow(branch, pointers);
    statuses.push({
      name,
      catalog,
      createdAt,
      ageSeconds: Math.floor((now.getTime() - createdAt.getTime()) / 1000),
      forkedFrom,
      changed: changedTables(branch.base, pointers),
      tested,
      refusal: refusalOf(tested, latest?.id === forkedFrom),
    });
  }
  return statuses;
}

function testedNow({ tested }: Branch, current: Pointers): Tested {
  if (tested === undefined) return "no";
  const changed = changedTables(new Map(Object.entries(tested.pointers)), current);
  return changed.length === 0 ? "yes" : "changed since";
}

function refusalOf(tested: Tested, isOfNewest: boolean): BranchStatus["refusal"] {
  if (!isOfNewest) return "re-fork";
  return tested === "yes" ? null : "untested";
}
