/** Gold: one row per film known to any provider. */
import { type Film, providersOf } from "./identity.ts";
import type { SourceName } from "./sources.ts";
import { fitBigint } from "./values.ts";

/** The columns of `gold.movies_unified`: `bigint` is bigint, `number` is double (integer for the year). */
export interface MovieRow {
  movie_title: string;
  release_year: number;
  audience_average_score: number | null;
  total_audience_ratings: bigint | null;
  critic_score_percentage: number | null;
  top_critic_score: number | null;
  total_critic_reviews_counted: bigint | null;
  domestic_box_office_gross_usd: bigint | null;
  domestic_gross_source: "box_office" | "audience_pulse" | null;
  international_box_office_gross_usd: bigint | null;
  total_box_office_gross_usd: bigint | null;
  production_budget_usd: bigint | null;
  marketing_spend_usd: bigint | null;
  profit_usd: bigint | null;
  return_on_investment: number | null;
  international_share: number | null;
  critic_audience_gap: number | null;
  sources_present: string;
}

export function movieRow(film: Film): MovieRow {
  const critics = double(film, "critic_agg", "critic_score_percentage");
  const audience = double(film, "audience_pulse", "audience_average_score");
  return {
    movie_title: film.title,
    release_year: film.year,
    audience_average_score: audience,
    total_audience_ratings: whole(film, "audience_pulse", "total_audience_ratings"),
    critic_score_percentage: critics,
    top_critic_score: double(film, "critic_agg", "top_critic_score"),
    total_critic_reviews_counted: whole(film, "critic_agg", "total_critic_reviews_counted"),
    ...moneyColumns(film),
    critic_audience_gap: critics === null || audience === null ? null : critics - 10 * audience,
    sources_present: providersOf(film).join(","),
  };
}

/** Null wherever an input is missing; also where a sum does not fit `bigint`: no row may fail the build. */
function moneyColumns(film: Film) {
  const domestic = domesticGross(film);
  const international = whole(film, "box_office_international", "box_office_gross_usd");
  const total = fitBigint(sum(domestic.domestic_box_office_gross_usd, international));
  const budget = whole(film, "box_office_financials", "production_budget_usd");
  const marketing = whole(film, "box_office_financials", "marketing_spend_usd");
  const cost = sum(budget, marketing);
  const profit = total === null || cost === null ? null : fitBigint(total - cost);
  return {
    ...domestic,
    international_box_office_gross_usd: international,
    total_box_office_gross_usd: total,
    production_budget_usd: budget,
    marketing_spend_usd: marketing,
    profit_usd: profit,
    return_on_investment: ratio(profit, cost),
    international_share: ratio(international, total),
  };
}

/** Provider 3's figure; where it is missing or invalid (null either way), provider 2's. */
function domesticGross(film: Film) {
  const boxOffice = whole(film, "box_office_domestic", "box_office_gross_usd");
  const audience = whole(film, "audience_pulse", "domestic_box_office_gross");
  const fallback = audience === null ? null : ("audience_pulse" as const);
  return {
    domestic_box_office_gross_usd: boxOffice ?? audience,
    domestic_gross_source: boxOffice === null ? fallback : ("box_office" as const),
  };
}

/** Money or count; null if the film has no such row, or the value is missing or invalid. */
function whole(film: Film, source: SourceName, column: string): bigint | null {
  return film.rows[source]?.whole[column] ?? null;
}

/** Percentage or score; null as in `whole`. */
function double(film: Film, source: SourceName, column: string): number | null {
  return film.rows[source]?.double[column] ?? null;
}

function sum(one: bigint | null, other: bigint | null): bigint | null {
  return one === null || other === null ? null : one + other;
}

function ratio(numerator: bigint | null, denominator: bigint | null): number | null {
  if (numerator === null || denominator === null || denominator === 0n) return null;
  return Number(numerator) / Number(denominator);
}
