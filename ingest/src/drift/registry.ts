/** The versions of each source's schema, in the ledger. */
import type { Database } from "../catalog.ts";
import type { SchemaColumn, SourceSchema } from "./schema.ts";

/** A version that is not registered yet. */
export interface NewVersion {
  source: string;
  schema: SourceSchema;
  /** What it comes from: "declared", "first delivery", or the file that had these columns first. */
  origin: string;
}

/**
 * The schemas of a run. What a delivery brings counts for the next one as soon as its rows are read, and is registered
 * with the note that they are written: one that is held back, refused or lost with its run leaves no version.
 */
export class Schemas {
  readonly #newest: Map<string, SourceSchema>;
  #unregistered: NewVersion[] = [];

  constructor(registered: ReadonlyMap<string, SourceSchema> = new Map()) {
    this.#newest = new Map(registered);
  }

  newest(source: string): SourceSchema | undefined {
    return this.#newest.get(source);
  }

  /** Called when nothing holds the delivery back any more that brings these versions, in their order. */
  accept(versions: readonly NewVersion[]): void {
    for (const { source, schema } of versions) this.#newest.set(source, schema);
    this.#unregistered.push(...versions);
  }

  hasUnregistered(source: string): boolean {
    return this.#unregistered.some((version) => version.source === source);
  }

  /** What the deliveries of `source` that are about to be noted have brought; each is answered once. */
  takeUnregistered(source: string): NewVersion[] {
    const { own = [], others = [] } = Object.groupBy(this.#unregistered, (version) =>
      version.source === source ? "own" : "others",
    );
    this.#unregistered = others;
    return own;
  }
}

/** The newest schema of each source. */
export async function registeredSchemas(ledger: Database): Promise<Map<string, SourceSchema>> {
  const { rows } = await ledger.query(
    "select distinct on (source) source, version, columns from ledger.source_schema order by source, version desc",
  );
  return new Map(rows.map(({ source, version, columns }) => [source, { version, columns }]));
}

/**
 * What a source's schema is before a delivery is looked at: the registered one with what its file declares on top.
 * `origin` is there when that is a version that is not registered yet.
 */
export function currentSchema(
  registered: SourceSchema | undefined,
  declared: readonly SchemaColumn[] | undefined,
  delivered: readonly string[],
): { schema: SourceSchema; origin?: string } {
  if (registered === undefined) {
    return declared
      ? { schema: { version: 1, columns: declared }, origin: "declared" }
      : {
          schema: { version: 1, columns: delivered.map((name) => ({ name, required: false })) },
          origin: "first delivery",
        };
  }
  if (declared === undefined) return { schema: registered };
  const others = registered.columns.filter(({ name }) => !declared.some((column) => column.name === name));
  const columns = [...declared, ...others.map(({ name }) => ({ name, required: false }))];
  const isSame = JSON.stringify(columns) === JSON.stringify(registered.columns);
  return isSame
    ? { schema: registered }
    : { schema: { version: registered.version + 1, columns }, origin: "declared" };
}
