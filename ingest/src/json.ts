/** JSON in which integers beyond 2^53 keep all their digits: they are bigint in memory, plain digits in the text. */

declare global {
  // TypeScript's own library does not know it yet; Node 24 has it.
  interface JSON {
    rawJSON(text: string): object;
  }
}

export function parseExactly(text: string): unknown {
  return JSON.parse(text, (_key, value, context?: { source?: string }) => {
    if (typeof value !== "number" || Number.isSafeInteger(value) || !context?.source) return value;
    return /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
  });
}

export function stringifyExactly(value: unknown): string {
  return JSON.stringify(value, (_key, member) =>
    typeof member === "bigint" ? JSON.rawJSON(String(member)) : member,
  );
}
