/** What the oracle knows of the five files: who sends them, and what their columns hold. */

export type Provider = "critic_agg" | "audience_pulse" | "box_office";

/**
 * How a measure is read. `money` (whole US dollars) and `count` become `bigint`; `percentage` (0..100) and
 * `score` (0..10) become `number`.
 */
export type MeasureKind = "money" | "count" | "percentage" | "score";

export interface Source {
  provider: Provider;
  format: "csv" | "json";
  titleColumn: string;
  yearColumn: string;
  measures: Record<string, MeasureKind>;
}

export type SourceName =
  | "critic_agg"
  | "audience_pulse"
  | "box_office_domestic"
  | "box_office_international"
  | "box_office_financials";

const boxOffice = {
  provider: "box_office",
  format: "csv",
  titleColumn: "film_name",
  yearColumn: "year_of_release",
} as const;

export const sources: Record<SourceName, Source> = {
  critic_agg: {
    provider: "critic_agg",
    format: "csv",
    titleColumn: "movie_title",
    yearColumn: "release_year",
    measures: {
      critic_score_percentage: "percentage",
      top_critic_score: "score",
      total_critic_reviews_counted: "count",
    },
  },
  audience_pulse: {
    provider: "audience_pulse",
    format: "json",
    titleColumn: "title",
    yearColumn: "year",
    measures: {
      audience_average_score: "score",
      total_audience_ratings: "count",
      domestic_box_office_gross: "money",
    },
  },
  box_office_domestic: { ...boxOffice, measures: { box_office_gross_usd: "money" } },
  box_office_international: { ...boxOffice, measures: { box_office_gross_usd: "money" } },
  box_office_financials: {
    ...boxOffice,
    measures: { production_budget_usd: "money", marketing_spend_usd: "money" },
  },
};

export const sourceNames = Object.keys(sources) as SourceName[];

/** The columns that the oracle reads, title and year first; a file may have more. */
export function columnsOf(source: SourceName): string[] {
  const { titleColumn, yearColumn, measures } = sources[source];
  return [titleColumn, yearColumn, ...Object.keys(measures)];
}
