/** The open branches, as PostgreSQL knows them (catalog/migrations/008_branches.sql). */
import type { Database } from "../catalog.ts";
import { exitCode, ReelhouseError, usageError } from "../errors.ts";
import type { Pointers, TestCounts } from "../publish/publish.ts";

export interface Branch {
  name: string;
  createdAt: Date;
  /** The publication that it started from; maintenance keeps it while the branch is open. */
  forkedFrom: number;
  /** `namespace.name` -> pointer at the fork, bronze included. */
  base: Pointers;
  /** `source/batchId`: what counts in its bronze. */
  batches: string[];
  /** undefined: nothing that could be published. */
  tested: TestedBranch | undefined;
}

/** What the newest build on a branch made, all tests passed. */
export interface TestedBranch {
  /** `namespace.name` -> pointer, of silver and gold. */
  pointers: Record<string, string>;
  built: string[];
  tests: Record<string, TestCounts>;
  fingerprint: string;
  details: { missing: string[]; tests: TestCounts } & Record<string, unknown>;
}

/** By name. */
export async function openBranches(ledger: Database): Promise<Branch[]> {
  const { rows } = await ledger.query("select * from branch.branch order by name");
  return rows.map((row) => ({
    name: row.name,
    createdAt: row.created_at,
    forkedFrom: row.forked_from,
    base: new Map(Object.entries(row.base)),
    batches: row.batches,
    tested: row.tested ?? undefined,
  }));
}

export async function requireBranch(ledger: Database, name: string): Promise<Branch> {
  const branch = (await openBranches(ledger)).find((one) => one.name === name);
  if (branch) return branch;
  throw new ReelhouseError(`there is no branch ${name}`, exitCode.failed, {
    next: "reelhouse branch list shows them; reelhouse branch create makes one",
  });
}

/** Throws a usage error unless the word may be the name of a branch. */
export function branchName(word: string | undefined): string {
  if (word !== undefined && /^[a-z][a-z0-9_]{0,30}$/.test(word)) return word;
  throw usageError(
    `expected the name of a branch, found '${word ?? ""}'`,
    "a name is a letter, then letters, digits and '_', all lower case, at most 31 in all",
  );
}

/** What of a branch is not as it started: tables of silver and gold that are new, changed or gone. */
export function changedTables(base: Pointers, current: Pointers): string[] {
  const published = [...base].filter(([name]) => !name.startsWith("bronze."));
  const before = new Map(published);
  const names = new Set([...before.keys(), ...current.keys()]);
  return [...names].filter((name) => before.get(name) !== current.get(name)).sort();
}
