/**
 * Film identity: which rows of which providers are one film.
 *
 * First the exact joins: rows of the same film key and year are one film. Then the year bridge:
 *
 *   "a film known to one provider only (after exact joins) joins the group of the same key one year away if
 *   that group lacks this provider, even if the group already has two, and if each is the other's only
 *   neighbour within one year, counting all films."
 *
 * How this is read. A "group" is a film after the exact joins, with one provider or more. Its "neighbours
 * within one year" are the films of the same key in the year before and the year after, whether they could
 * be joined or not ("counting all films"): the rule looks at what was there before any bridging, so no order
 * of joining matters. C, A, B: critic_agg, audience_pulse, box_office; AB is one film known to both.
 *
 *   2000 C    2001 A               joined: a group of one provider is a group
 *   2000 C    2001 AB              joined: the group has two and lacks C ("even if")
 *   2000 CA   2001 B               joined: the same, the single one being later
 *   2000 C    2001 C               apart: years are never bridged inside a provider
 *   2000 C    2001 CA              apart: the group has C already
 *   2000 B    2001 B               apart, also if one is domestic and the other financials: one provider
 *   2000 C    2002 A               apart: two years
 *   1999 C    2000 A    2001 B     three films: 2000 has two neighbours, so it is nobody's partner
 *   1999 C    2000 A    2001 A     three films: C has one neighbour, but that one has two
 *   1999 C    2000 AB   2001 AB    three films: 2001 could never join, but it counts as a neighbour
 *   1999 C    2000 A    2002 B     1999 and 2000 joined, 2002 apart: 2002 is no neighbour of 2000
 *   1999 C    2000 A    2002 C    2003 A     two films: each pair for itself
 */

import type { SilverRow } from "./silver.ts";
import { type Provider, type SourceName, sources } from "./sources.ts";

/** `single`: one provider; `exact`: several, same key and year; `year_bridge`: two films one year apart. */
export type JoinRule = "single" | "exact" | "year_bridge";

export interface Film {
  filmKey: string;
  title: string;
  year: number;
  rule: JoinRule;
  rows: Partial<Record<SourceName, SilverRow>>;
}

/** Whose spelling of title and year is shown, best first. */
const spellingOrder = [
  "box_office_domestic",
  "box_office_international",
  "box_office_financials",
  "critic_agg",
  "audience_pulse",
] as const satisfies SourceName[];

/** All films of the kept rows, by key, then year. */
export function identifyFilms(kept: SilverRow[]): Film[] {
  const exact = [...Map.groupBy(kept, (row) => `${row.filmKey}|${row.year}`).values()].map(filmOf);
  const perKey = Map.groupBy(exact, (film) => film.filmKey);
  return [...perKey.values()].flatMap(bridgeYears).sort(byKeyThenYear);
}

/** The providers that know the film, sorted. */
export function providersOf(film: Film): Provider[] {
  const names = Object.keys(film.rows) as SourceName[];
  return [...new Set(names.map((name) => sources[name].provider))].sort();
}

/** `films` are all those of one key. */
function bridgeYears(films: Film[]): Film[] {
  return films.flatMap((film) => {
    const partner = partnerOf(film, films);
    if (!partner) return [film];
    // Both sides come by here: the earlier one makes the joined film.
    return film.year < partner.year ? [join(film, partner)] : [];
  });
}

function partnerOf(film: Film, films: Film[]): Film | undefined {
  const other = onlyNeighbour(film, films);
  if (!other || onlyNeighbour(other, films) !== film) return undefined;
  return mayJoin(film, other) || mayJoin(other, film) ? other : undefined;
}

function onlyNeighbour(film: Film, films: Film[]): Film | undefined {
  const neighbours = films.filter((other) => Math.abs(other.year - film.year) === 1);
  return neighbours.length === 1 ? neighbours[0] : undefined;
}

function mayJoin(film: Film, group: Film): boolean {
  const [provider, ...others] = providersOf(film);
  return provider !== undefined && others.length === 0 && !providersOf(group).includes(provider);
}

function join(film: Film, partner: Film): Film {
  return { ...filmOf(Object.values({ ...film.rows, ...partner.rows })), rule: "year_bridge" };
}

/** `rows`: at least one, each of another source. */
function filmOf(rows: SilverRow[]): Film {
  const bySource: Film["rows"] = Object.fromEntries(rows.map((row) => [row.source, row]));
  const spelling = spellingOrder.map((source) => bySource[source]).find((row) => row !== undefined);
  if (!spelling) throw new Error("identify films: a film without rows");
  const { filmKey, title, year } = spelling;
  const film: Film = { filmKey, title, year, rule: "single", rows: bySource };
  return providersOf(film).length > 1 ? { ...film, rule: "exact" } : film;
}

function byKeyThenYear(one: Film, other: Film): number {
  if (one.filmKey !== other.filmKey) return one.filmKey < other.filmKey ? -1 : 1;
  return one.year - other.year;
}
