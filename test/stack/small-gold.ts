/** What gold of the small project holds for given deliveries, computed from their rows alone. */
import type { Row, Stack } from "./stack.ts";

/** `gold.movies` as it is read. */
export const goldOf = (stack: Stack) =>
  stack.query("SELECT * FROM gold.movies ORDER BY movie_title, release_year");

/** `gold.movies` as it should be; the texts of a source's files are oldest first. */
export function smallGold(critics: string[], boxOffice: string[]): Row[] {
  const gross = newestRows(boxOffice);
  return [...newestRows(critics)]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([film, [title = "", year, score]]) => ({
      movie_title: title,
      release_year: Number(year),
      critic_score_percentage: Number(score),
      domestic_box_office_gross_usd: gross.has(film) ? Number(gross.get(film)?.[2]) : null,
    }));
}

/** How many records the files have, those that are no rows among them. */
export const recordCount = (texts: string[]) => texts.flatMap(records).length;

/** The last row of each title and year. */
const newestRows = (texts: string[]) =>
  new Map(texts.flatMap(rows).map((cells) => [`${cells[0]}, ${cells[1]}`, cells] as const));

function rows(text: string): string[][] {
  const columnCount = text.split("\n", 1)[0]?.split(",").length;
  return records(text)
    .map((line) => line.split(","))
    .filter((cells) => cells.length === columnCount);
}

const records = (text: string) => text.trimEnd().split("\n").slice(1);
