/** How long what was published stays readable. */
import type { Entry, YamlReader } from "./yaml.ts";

export interface Retention {
  /** So many of the newest stay, however old; those of upkeep are not counted. */
  readonly publications: number;
  /** What is younger stays, however many they are. */
  readonly days: number;
  /** A file that nothing names is left alone for so long: a statement may just be writing it. */
  readonly orphanHours: number;
}

export const usualRetention: Retention = Object.freeze({ publications: 30, days: 90, orphanHours: 24 });

const keys = { publications: "publications", days: "days", orphan_hours: "orphanHours" } as const;
/** Without the newest one there would be nothing to read. */
const least = { publications: 1, days: 0, orphan_hours: 0 } as const;
const most = 100_000;

/** Faults are told; the answer is not used then. */
export function readRetention(yaml: YamlReader, entry: Entry): Retention {
  const names = Object.keys(keys) as (keyof typeof keys)[];
  const members = yaml.members(entry, `an object with ${names.join(", ")}`);
  for (const [name, member] of members) if (!(name in keys)) yaml.unknown(member, name, names);
  const numbers = names.flatMap((name) => {
    const member = members.get(name);
    return member ? [[keys[name], wholeNumber(yaml, member, least[name])]] : [];
  });
  return Object.freeze({ ...usualRetention, ...Object.fromEntries(numbers) });
}

function wholeNumber(yaml: YamlReader, entry: Entry, atLeast: number): number {
  const value = yaml.scalar(entry);
  if (Number.isInteger(value) && Number(value) >= atLeast && Number(value) <= most) return Number(value);
  yaml.fault(entry, `expected a whole number from ${atLeast} to ${most}, found ${yaml.describe(entry)}`);
  return atLeast;
}
