/**
 * Turns the 3,201 records of `movies.json` (npm package `vega-datasets`) into the five provider files.
 *
 *     node data/films/make.ts [OUT_DIR]      OUT_DIR: by default this script's own folder
 *
 * The same package gives the same bytes. What each column comes from: README.md beside this script.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

interface Movie {
  Title: string | number | null;
  "Release Date": string; // always `Jun 12 1998` in the pinned version
  "US Gross": number | null; // whole US dollars, as all money here
  "Worldwide Gross": number | null;
  "Production Budget": number | null;
  "Rotten Tomatoes Rating": number | null; // percent
  "IMDB Rating": number | null; // 0..10
  "IMDB Votes": number | null;
}

type Cell = string | number | null;

/**
 * Reads the package's records. Every number in the pinned version is spelled as JavaScript prints it (the
 * unit test of this folder checks that), so plain `JSON.parse` loses no spelling.
 */
function readMovies(): Movie[] {
  const packageEntry = createRequire(import.meta.url).resolve("vega-datasets");
  return JSON.parse(readFileSync(join(packageEntry, "../../data/movies.json"), "utf8"));
}

/** The last four digits of the date, right or wrong: a 1933 film that the record puts in 2033 stays there. */
function releaseYear(movie: Movie): string {
  return movie["Release Date"].slice(-4);
}

function criticRow(movie: Movie): Cell[] | null {
  const percentage = movie["Rotten Tomatoes Rating"];
  return percentage === null ? null : [movie.Title, releaseYear(movie), percentage, null, null];
}

function audienceRow(movie: Movie): object | null {
  if (movie["IMDB Rating"] === null && movie["IMDB Votes"] === null) return null;
  return {
    title: movie.Title,
    year: releaseYear(movie),
    audience_average_score: movie["IMDB Rating"],
    total_audience_ratings: movie["IMDB Votes"],
    domestic_box_office_gross: movie["US Gross"],
  };
}

function domesticRow(movie: Movie): Cell[] | null {
  const gross = movie["US Gross"];
  return gross === null ? null : [movie.Title, releaseYear(movie), gross];
}

function internationalRow(movie: Movie): Cell[] | null {
  const domestic = movie["US Gross"];
  const worldwide = movie["Worldwide Gross"];
  return domestic === null || worldwide === null
    ? null
    : [movie.Title, releaseYear(movie), worldwide - domestic];
}

/** Marketing spend is invented: half of the budget, rounded down. No public figure exists. */
function financialsRow(movie: Movie): Cell[] | null {
  const budget = movie["Production Budget"];
  return budget === null ? null : [movie.Title, releaseYear(movie), budget, Math.floor(budget / 2)];
}

function csvField(cell: Cell): string {
  const text = String(cell ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csv(columns: string, rows: (Cell[] | null)[]): string {
  const lines = rows.filter((row) => row !== null).map((row) => row.map(csvField).join(","));
  return `${[columns, ...lines].join("\n")}\n`;
}

function jsonArray(rows: (object | null)[]): string {
  const lines = rows.filter((row) => row !== null).map((row) => JSON.stringify(row));
  return `[\n${lines.join(",\n")}\n]\n`;
}

/** The five files by name. A provider that knows nothing about a film has no row for it. */
function providerFiles(movies: Movie[]): Record<string, string> {
  const grossColumns = "film_name,year_of_release,box_office_gross_usd";
  return {
    "critic_agg.csv": csv(
      "movie_title,release_year,critic_score_percentage,top_critic_score,total_critic_reviews_counted",
      movies.map(criticRow),
    ),
    "audience_pulse.json": jsonArray(movies.map(audienceRow)),
    "box_office_domestic.csv": csv(grossColumns, movies.map(domesticRow)),
    "box_office_international.csv": csv(grossColumns, movies.map(internationalRow)),
    "box_office_financials.csv": csv(
      "film_name,year_of_release,production_budget_usd,marketing_spend_usd",
      movies.map(financialsRow),
    ),
  };
}

const outputFolder = process.argv[2] ?? import.meta.dirname;
mkdirSync(outputFolder, { recursive: true });
for (const [name, text] of Object.entries(providerFiles(readMovies()))) {
  writeFileSync(join(outputFolder, name), text);
}
