/** Which type the values of a column have: one that Trino's try_cast takes all of them for, or text. */

export type TypeName = "bigint" | "double" | "date" | "timestamp" | "boolean" | "varchar";

interface TypeRule {
  fits(text: string): boolean;
  /** Of a type whose values have a least and a greatest one. */
  compare?(left: string, right: string): number;
  /** The text that Trino takes for the value. */
  plain?(text: string): string;
}

const leastBigint = -(2n ** 63n);
const greatestBigint = 2n ** 63n - 1n;
/** More digits are a number that a double would change: an id, or money of many digits. */
const exactDigits = 15;

/** What `try_cast` to a timestamp does not take: the letter between day and time, and the zone, which must be UTC. */
export const timestampSigns = { zone: /(?:Z|[+]00(?::?00)?)$/, dayEnd: "T" } as const;

/** In the order in which they are tried. Leading zeros and a plus are no number's: `007` is a code, and stays text. */
const rules = {
  bigint: {
    fits: (text) => /^(?:0|-?[1-9]\d{0,18})$/.test(text) && isBigint(BigInt(text)),
    compare: (left, right) => Number(BigInt(left) > BigInt(right)) - Number(BigInt(left) < BigInt(right)),
  },
  double: {
    fits: (text) =>
      /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/.test(text) &&
      Number.isFinite(Number(text)) &&
      significantDigits(text) <= exactDigits,
    compare: (left, right) => Number(left) - Number(right),
  },
  date: { fits: isDate, compare: byText },
  timestamp: {
    fits: (text) => {
      const [, day = "", hour = "", minute = "", second = "0"] = timestampPattern.exec(text) ?? [];
      return isDate(day) && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
    },
    compare: (left, right) => byText(plainTimestamp(left), plainTimestamp(right)),
    plain: plainTimestamp,
  },
  boolean: { fits: (text) => /^(?:true|false|t|f)$/i.test(text) },
} as const satisfies Record<Exclude<TypeName, "varchar">, TypeRule>;

const timestampPattern =
  /^(\d{4}-\d\d-\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,6})?)?(?:Z|[+]00(?::?00)?)?$/;

const ruleOf = (type: TypeName): TypeRule | undefined => (type === "varchar" ? undefined : rules[type]);

const typeNames = Object.keys(rules) as Exclude<TypeName, "varchar">[];

/** The first type that all values fit; text if there is none, or no value. */
export function typeOf(values: readonly string[]): TypeName {
  if (values.length === 0) return "varchar";
  return typeNames.find((type) => values.every(rules[type].fits)) ?? "varchar";
}

/** A column is told to be nearly of a type from this share of its values on. */
const nearlyShare = 0.9;

/** The type that nearly all values of a text column have, and those that do not. */
export function nearType(values: readonly string[]): { type: TypeName; others: string[] } | undefined {
  for (const type of typeNames) {
    const others = values.filter((value) => !rules[type].fits(value));
    if (values.length > 1 && others.length <= values.length * (1 - nearlyShare)) return { type, others };
  }
  return undefined;
}

/** The least and the greatest value, as Trino takes them; undefined for a type without an order, or no value. */
export function rangeOf(
  type: TypeName,
  values: readonly string[],
): { least: string; greatest: string } | undefined {
  const { compare, plain = (text: string) => text } = ruleOf(type) ?? {};
  const [first] = values;
  if (compare === undefined || first === undefined) return undefined;
  const least = values.reduce((left, right) => (compare(right, left) < 0 ? right : left), first);
  const greatest = values.reduce((left, right) => (compare(right, left) > 0 ? right : left), first);
  return { least: plain(least), greatest: plain(greatest) };
}

const significantDigits = (text: string) =>
  text
    .replace(/[eE].*/, "")
    .replaceAll(/\D/g, "")
    .replace(/^0+/, "").length;

const isBigint = (value: bigint) => value >= leastBigint && value <= greatestBigint;

function isDate(text: string): boolean {
  if (!/^[1-9]\d{3}-\d\d-\d\d$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function byText(left: string, right: string): number {
  return Number(left > right) - Number(left < right);
}

function plainTimestamp(text: string): string {
  return text.replace(timestampSigns.zone, "").replace(timestampSigns.dayEnd, " ");
}
