/**
 * The executable specification of the layers: what silver and gold must hold for given deliveries, computed
 * from the requirement's text alone and sharing no code with the pipeline. Plain before fast.
 *
 * bronze rows (`records.ts`) -> typed rows (`values.ts`, `silver.ts`) -> films (`identity.ts`) -> `gold.ts`.
 */
import { type MovieRow, movieRow } from "./gold.ts";
import { identifyFilms, type JoinRule } from "./identity.ts";
import { type Accounting, type Delivery, type InvalidValue, type RejectedRow, readSource } from "./silver.ts";
import { type SourceName, sourceNames } from "./sources.ts";

export { type Difference, differences } from "./compare.ts";
export type { Accounting, Delivery, InvalidValue, JoinRule, MovieRow, RejectedRow, SourceName };
export { sourceNames };

/** One film: the provider rows that it was made of, with their own titles and years. */
export interface FilmCrossReference {
  filmKey: string;
  title: string;
  year: number;
  rule: JoinRule;
  rows: { source: SourceName; title: string; year: number }[];
}

export interface ExpectedLake {
  /** By film key, then year. */
  movies: MovieRow[];
  rejected: RejectedRow[];
  invalid: InvalidValue[];
  accounting: Record<SourceName, Accounting>;
  xref: FilmCrossReference[];
}

/**
 * `deliveries`: per source, oldest first; a source left out has none. `currentYear` is that of Trino's
 * `current_date`. Throws where the pipeline refuses a whole file.
 */
export function expectedLake(
  deliveries: Partial<Record<SourceName, Delivery[]>>,
  currentYear: number = new Date().getUTCFullYear(),
): ExpectedLake {
  const perSource = sourceNames.map((name) => ({
    name,
    ...readSource(name, deliveries[name] ?? [], currentYear),
  }));
  const films = identifyFilms(perSource.flatMap((source) => source.kept));
  return {
    movies: films.map(movieRow),
    rejected: perSource.flatMap((source) => source.rejected),
    invalid: perSource.flatMap((source) => source.invalid),
    accounting: Object.fromEntries(
      perSource.map(({ name, accounting }) => [name, accounting]),
    ) as ExpectedLake["accounting"],
    xref: films.map(({ rows, ...film }) => ({
      ...film,
      rows: Object.values(rows).map(({ source, title, year }) => ({ source, title, year })),
    })),
  };
}
