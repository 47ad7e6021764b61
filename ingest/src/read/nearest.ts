/** The candidate that `name` most likely means: one contains the other, or few letters differ. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const [best] = candidates
    .map((candidate) => ({ candidate, distance: distanceBetween(name, candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.max(name.length, candidate.length) * 0.4)
    .sort((left, right) => left.distance - right.distance);
  return (
    best?.candidate ?? candidates.find((candidate) => contains(name, candidate) || contains(candidate, name))
  );
}

/** 0..1: how alike two names are; 1: equal. */
export function likeness(left: string, right: string): number {
  const byLetters = 1 - distanceBetween(left, right) / Math.max(left.length, right.length, 1);
  return contains(left, right) || contains(right, left) ? Math.max(byLetters, 0.75) : byLetters;
}

function contains(outer: string, inner: string): boolean {
  return inner.length > 2 && outer.includes(inner);
}

/** Levenshtein's distance: how many letters to insert, delete or replace. */
function distanceBetween(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [leftIndex, letter] of [...left].entries()) {
    const next = [leftIndex + 1];
    for (let index = 1; index < row.length; index++) {
      const replaced = (row[index - 1] ?? 0) + (right[index - 1] === letter ? 0 : 1);
      next.push(Math.min(replaced, (row[index] ?? 0) + 1, (next[index - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
