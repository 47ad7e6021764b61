/** A source's registered schema, and how the columns of a delivery differ from it. */

export interface SchemaColumn {
  /** As bronze spells it. */
  readonly name: string;
  /** A delivery without it is held back. */
  readonly required: boolean;
}

export interface SourceSchema {
  /** 1, 2, ... for each source; a version never changes. */
  readonly version: number;
  readonly columns: readonly SchemaColumn[];
}

/** What a source does with columns that its schema does not know, or does not find. */
export const driftPolicies = ["evolve", "report", "freeze"] as const;
export type DriftPolicy = (typeof driftPolicies)[number];

export interface Drift {
  added: readonly string[];
  missing: readonly SchemaColumn[];
}

export function compareColumns({ columns }: SourceSchema, delivered: readonly string[]): Drift {
  const known = new Set(columns.map(({ name }) => name));
  return {
    added: delivered.filter((name) => !known.has(name)),
    missing: columns.filter(({ name }) => !delivered.includes(name)),
  };
}

/**
 * Why a delivery is held back, or undefined if it may load: a required column is missing, a missing column seems to
 * have another name now, or the policy allows no change at all. `renames`: registered name -> delivered name.
 */
export function reasonToHold(
  drift: Drift,
  renames: ReadonlyMap<string, string>,
  policy: DriftPolicy,
): string | undefined {
  const held = drift.missing.filter(({ name, required }) => required || renames.has(name));
  if (held.length > 0) {
    const names = held.map(({ name }) => {
      const renamed = renames.get(name);
      return renamed === undefined ? name : `${name} (renamed to ${renamed}?)`;
    });
    return `missing column${names.length > 1 ? "s" : ""} ${names.join(", ")}`;
  }
  if (policy !== "freeze") return undefined;
  const changes = [
    ...drift.added.map((name) => `new column ${name}`),
    ...drift.missing.map(({ name }) => `missing column ${name}`),
  ];
  return changes.length > 0 ? `${changes.join(", ")}, and the source is frozen` : undefined;
}

/** The schema with the columns that a delivery added; undefined if it has them all. */
export function evolved(schema: SourceSchema, added: readonly string[]): SourceSchema | undefined {
  if (added.length === 0) return undefined;
  const columns = [...schema.columns, ...added.map((name) => ({ name, required: false }))];
  return { version: schema.version + 1, columns };
}
