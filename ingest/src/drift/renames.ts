/** Which delivered column a missing one has probably become: by the likeness of names and of values. */
import { likeness } from "../read/nearest.ts";

/** Some values of each column: of the registered ones as bronze has them, of the delivered ones as the file has them. */
export type Samples = ReadonlyMap<string, readonly string[]>;

/** Below it two columns have too little in common to be one. */
const leastScore = 0.6;
/** Numbers look like numbers, whatever they count: the shape of values is worth less than the name. */
const weights = { name: 0.6, shape: 0.4 };
/** Fewer different values are shared by accident. */
const leastValues = 3;

/**
 * Registered name -> delivered name, the best pairs first; each name at most once. Without values on one side, names
 * alone decide.
 */
export function likelyRenames(
  missing: readonly string[],
  added: readonly string[],
  registered: Samples,
  delivered: Samples,
): Map<string, string> {
  const pairs = missing.flatMap((name) =>
    added.map((candidate) => {
      const values = [registered.get(name) ?? [], delivered.get(candidate) ?? []] as const;
      return { name, candidate, score: score(likeness(name, candidate), ...values) };
    }),
  );
  const renames = new Map<string, string>();
  const taken = new Set<string>();
  for (const { name, candidate, score } of pairs.toSorted((left, right) => right.score - left.score)) {
    if (score < leastScore || renames.has(name) || taken.has(candidate)) continue;
    renames.set(name, candidate);
    taken.add(candidate);
  }
  return renames;
}

function score(names: number, left: readonly string[], right: readonly string[]): number {
  if (left.length === 0 || right.length === 0) return names;
  const shapes = overlap(left.map(shapeOf), right.map(shapeOf));
  return Math.max(weights.name * names + weights.shape * shapes, sameValues(left, right));
}

/** The same values under another name are the same column, however the name has changed. */
function sameValues(left: readonly string[], right: readonly string[]): number {
  const fewest = Math.min(new Set(left).size, new Set(right).size);
  return fewest < leastValues ? 0 : overlap(left, right);
}

/** Of the smaller set, the share that the other has too. */
function overlap(left: readonly string[], right: readonly string[]): number {
  const [small, large] = [new Set(left), new Set(right)].toSorted((a, b) => a.size - b.size) as [
    Set<string>,
    Set<string>,
  ];
  return [...small].filter((value) => large.has(value)).length / small.size;
}

/** `Alien 3` -> `a 9`, `12.5` -> `9.9`: what kind of value it is, whatever its length. */
function shapeOf(value: string): string {
  return value
    .replace(/\p{L}+/gu, "a")
    .replace(/\p{N}+/gu, "9")
    .slice(0, 40);
}
