/** The options of a source that say what its deliveries have to keep: drift, rejected rows, renamed columns. */
import { type DriftPolicy, driftPolicies } from "../drift/schema.ts";
import { lineageColumns } from "../read/column-names.ts";
import type { Entry, YamlReader } from "./yaml.ts";

export const promiseKeys = ["drift", "max_rejected", "rename"] as const;

const usualRejectedPercent = 10;

export interface Promises {
  readonly drift: DriftPolicy;
  readonly maximumRejectedPercent: number;
  readonly rename: ReadonlyMap<string, string>;
}

/** Faults are told; the answer is not used then. */
export function readPromises(yaml: YamlReader, options: ReadonlyMap<string, Entry>): Promises {
  const drift = options.get("drift");
  const rejected = options.get("max_rejected");
  const rename = options.get("rename");
  return {
    drift: drift ? readPolicy(yaml, drift) : "evolve",
    maximumRejectedPercent: rejected ? readPercent(yaml, rejected) : usualRejectedPercent,
    rename: rename ? readRename(yaml, rename) : new Map(),
  };
}

function readPolicy(yaml: YamlReader, entry: Entry): DriftPolicy {
  const text = yaml.text(entry, driftPolicies.join(", "));
  const policy = driftPolicies.find((name) => name === text);
  if (text !== undefined && policy === undefined) yaml.unknown(entry, text, driftPolicies);
  return policy ?? "evolve";
}

function readPercent(yaml: YamlReader, entry: Entry): number {
  const expected = "a share of the rows such as 10 %";
  const text = yaml.text(entry, expected);
  const percent = Number(/^(\d+(?:\.\d+)?) ?%$/.exec(text ?? "")?.[1] ?? Number.NaN);
  if (text !== undefined && !(percent <= 100)) yaml.fault(entry, `expected ${expected}, found '${text}'`);
  return percent;
}

/** Both sides as bronze spells names. */
function readRename(yaml: YamlReader, entry: Entry): Map<string, string> {
  const expected = "an object {column in the file: column of the source}";
  const renames = new Map<string, string>();
  const targets = new Set<string>();
  for (const [from, value] of yaml.members(entry, expected)) {
    const to = yaml.text(value, "the name of a column")?.trim().toLowerCase();
    if (to === undefined) continue;
    if (lineageColumns.some((name) => name === to))
      yaml.fault(value, `expected another name: bronze has a column '${to}' of its own`);
    if (targets.has(to)) yaml.fault(value, `two columns would be '${to}'`);
    targets.add(to);
    renames.set(from.trim().toLowerCase(), to);
  }
  return renames;
}
