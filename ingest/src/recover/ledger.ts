/**
 * The ledger, found out from what it stands for: bronze.batches says which batches count, and the originals that are kept
 * say which bytes there were. So the same files again add nothing.
 */
import { batchIdOf } from "../ledger.ts";

/** An entry of bronze.batches. */
export interface CountedBatch {
  source: string;
  batchId: string;
  sourceFile: string;
  loadOrder: number;
  rowsRead: number;
  rowsAccepted: number;
  rowsQuarantined: number;
  committedAt: string;
  excludedAt: string | null;
}

/** A row of ledger.batch. */
export interface RecoveredBatch extends Partial<CountedBatch> {
  source: string;
  batchId: string;
  sourceFile: string;
  contentHash: string;
  restatement: number;
  state: "committed" | "excluded" | "replaced" | "dropped";
  byteCount: number;
  /** Its rows count and its original is gone: only an erasure takes that away. Its bytes are not loaded again. */
  isErased: boolean;
  /** The batch that it took the place of. */
  replaces: string | null;
}

/** More restatements of the same bytes that came to nothing, one after another, are not expected. */
const mostGaps = 20;

/** batch id -> what it is the n-th time of. An id that follows from no other one is the hash of its bytes. */
export function contentsOf(
  ids: readonly string[],
): Map<string, { contentHash: string; restatement: number }> {
  const known = new Set(ids);
  const derived = new Map<string, { contentHash: string; restatement: number }>();
  for (const contentHash of ids) {
    let last = 0;
    for (let restatement = 1; restatement <= last + mostGaps; restatement += 1) {
      const id = batchIdOf(contentHash, { newest: undefined, nextRestatement: restatement });
      if (!known.has(id)) continue;
      derived.set(id, { contentHash, restatement });
      last = restatement;
    }
  }
  return new Map(ids.map((id) => [id, derived.get(id) ?? { contentHash: id, restatement: 0 }]));
}

/**
 * The batches of one source. `originals`: batch id -> bytes. What is kept and does not count was replaced, if the same
 * bytes count under a later number; else it was held back or unfinished: its number is given up, because objects have
 * its name, and the same bytes are looked at anew.
 */
export function recoverBatches(
  source: string,
  counted: readonly CountedBatch[],
  originals: ReadonlyMap<string, number>,
): RecoveredBatch[] {
  const entries = new Map(counted.map((batch) => [batch.batchId, batch]));
  const contents = contentsOf([...new Set([...entries.keys(), ...originals.keys()])]);
  const ofContent = Map.groupBy(contents, ([, { contentHash }]) => contentHash);
  return [...ofContent.values()].flatMap((batches) => {
    const newestFirst = batches.toSorted(([, one], [, other]) => other.restatement - one.restatement);
    const recovered: RecoveredBatch[] = [];
    for (const [batchId, content] of newestFirst) {
      const entry = entries.get(batchId);
      const successor = recovered.findLast(({ state }) => state !== "dropped");
      const state = stateOf(entry, successor);
      if (state === "replaced" && successor) successor.replaces ??= batchId;
      const sourceFile = successor?.sourceFile ?? "";
      const byteCount = originals.get(batchId) ?? 0;
      const isErased = entry !== undefined && !originals.has(batchId);
      const known = { source, batchId, sourceFile, ...content, ...entry, state, byteCount };
      recovered.push({ ...known, isErased, replaces: null });
    }
    return recovered;
  });
}

function stateOf(entry: CountedBatch | undefined, successor: RecoveredBatch | undefined) {
  if (entry) return entry.excludedAt === null ? ("committed" as const) : ("excluded" as const);
  return successor ? ("replaced" as const) : ("dropped" as const);
}
