import { describe, expect, test } from "vitest";
import { differences, expectedLake, type SourceName } from "../oracle/index.ts";
import { columnsOf, type MeasureKind } from "../oracle/sources.ts";
import { cleanTitle, filmKey, readMeasure, readTitleAndYear } from "../oracle/values.ts";

const currentYear = 2026;

/** Title, year, then the measures in the source's order; what is left out is blank. */
type Cells = string[];

function csvText(source: SourceName, rows: Cells[]): string {
  const columns = columnsOf(source);
  const lines = rows.map((cells) => columns.map((_column, index) => cells[index] ?? "").join(","));
  return `${[columns.join(","), ...lines].join("\n")}\n`;
}

function jsonText(source: SourceName, rows: Cells[]): string {
  const columns = columnsOf(source);
  return JSON.stringify(
    rows.map((cells) => Object.fromEntries(cells.map((cell, index) => [columns[index], cell]))),
  );
}

/** One delivery per source. */
function lakeOf(rows: Partial<Record<SourceName, Cells[]>>) {
  const deliveries = Object.entries(rows).map(([name, cells]) => {
    const source = name as SourceName;
    const text = source === "audience_pulse" ? jsonText(source, cells) : csvText(source, cells);
    return [source, [{ file: source, text }]];
  });
  return expectedLake(Object.fromEntries(deliveries), currentYear);
}

describe("title", () => {
  test.each([
    ["  The   Thing ", "The Thing"],
    ["\u00a0The\u2003\u0085Thing\u3000", "The Thing"],
    ["Ame\u0301lie", "Am\u00e9lie"],
    ["\ufeffThe Thing", "\ufeffThe Thing"],
  ])("%j is shown as %j", (raw, shown) => expect(cleanTitle(raw)).toBe(shown));

  test.each([
    [null, "title_missing"],
    [" \u00a0 ", "title_missing"],
    ["!?", "title_without_letters"],
    ["\u0301", "title_without_letters"],
  ])("%j is rejected as %s", (raw, rejected) =>
    expect(readTitleAndYear(raw, "2010", currentYear)).toEqual({ rejected }),
  );

  test("the reason of the title comes before that of the year", () =>
    expect(readTitleAndYear("?", "", currentYear)).toEqual({ rejected: "title_without_letters" }));
});

describe("film key", () => {
  test.each([
    ["The Dark Knight", "thedarkknight"],
    ["Dark Knight, The", "thedarkknight"],
    ["Dark Knight,  The", "darkknightthe"],
    ["Dark Knight,The", "darkknightthe"],
    ["Dark Knight, THÉ", "thedarkknight"],
    ["American in Paris, An", "anamericaninparis"],
    ["Few Good Men, A", "afewgoodmen"],
    ["The, The", "thethe"],
    ["Fast & Furious", "fastandfurious"],
    ["WALL·E", "walle"],
    ["Alien³", "alien3"],
    ["Amélie", "amelie"],
    ["İstanbul", "istanbul"],
    ["ΟΔΟΣ", "οδοσ"],
    ["οδος", "οδοσ"],
    ["千と千尋の神隠し", "千と千尋の神隠し"],
    ["¿…?", ""],
  ])("of %s is %j", (title, key) => expect(filmKey(title)).toBe(key));
});

describe("year", () => {
  test.each([
    ["2010", 2010],
    [" 2010\u00a0", 2010],
    ["1888", 1888],
    ["2031", 2031],
  ])("%j is %i", (raw, year) =>
    expect(readTitleAndYear("Up", raw, currentYear)).toEqual({ title: "Up", filmKey: "up", year }),
  );

  test.each([
    [null, "release_year_missing"],
    ["  ", "release_year_missing"],
    ["2010.0", "release_year_not_four_digits"],
    ["99", "release_year_not_four_digits"],
    ["02010", "release_year_not_four_digits"],
    ["２０１０", "release_year_not_four_digits"],
    ["1887", "release_year_out_of_range"],
    ["2032", "release_year_out_of_range"],
  ])("%j is rejected as %s", (raw, rejected) =>
    expect(readTitleAndYear("Up", raw, currentYear)).toEqual({ rejected }),
  );
});

describe("number", () => {
  test.each<[string | null, MeasureKind, bigint | number | null]>([
    [null, "money", null],
    ["\u00a0", "score", null],
    ["450", "count", 450n],
    [" 450.0 ", "count", 450n],
    ["1.5e6", "count", 1500000n],
    ["15000E-1", "count", 1500n],
    ["1,500,000", "count", 1500000n],
    ["$1,500", "money", 1500n],
    ["0", "money", 0n],
    ["-0", "money", 0n],
    ["0e999999999", "money", 0n],
    ["9007199254740993", "money", 9007199254740993n],
    ["9223372036854775807", "money", 9223372036854775807n],
    ["9.0", "score", 9],
    ["10", "score", 10],
    ["1e2", "percentage", 100],
    ["12.50", "percentage", 12.5],
  ])("%j as %s is %s", (raw, kind, value) => expect(readMeasure(raw, kind)).toEqual({ value }));

  test.each<[string, MeasureKind, string]>([
    ["N/A", "money", "not_a_number"],
    ["unknown", "score", "not_a_number"],
    ["x", "count", "not_a_number"],
    ["$$5", "money", "not_a_number"],
    ["5$", "money", "not_a_number"],
    ["1,50", "money", "not_a_number"],
    ["1500,000", "money", "not_a_number"],
    ["1,5000", "money", "not_a_number"],
    ["1 500", "money", "not_a_number"],
    ["٤٥٠", "count", "not_a_number"],
    ["0x10", "count", "not_a_number"],
    ["Infinity", "score", "not_a_number"],
    ["$9", "score", "not_a_number"],
    ["1,0", "percentage", "not_a_number"],
    ["87%", "percentage", "not_a_number"],
    ["true", "count", "not_a_number"],
    ["12.50", "money", "not_whole"],
    ["1.55e1", "count", "not_whole"],
    ["1e-999999999", "count", "not_whole"],
    ["-5", "count", "negative"],
    ["$-5", "money", "negative"],
    ["9223372036854775808", "money", "out_of_range"],
    ["1e999999999", "money", "out_of_range"],
    ["100.1", "percentage", "out_of_range"],
    ["-1", "percentage", "out_of_range"],
    ["10.1", "score", "out_of_range"],
    ["1e400", "score", "out_of_range"],
  ])("%j as %s is %s", (raw, kind, invalid) => expect(readMeasure(raw, kind)).toEqual({ invalid }));
});

describe("records", () => {
  test("CSV: records that are no rows are quarantined and counted", () => {
    const text = [
      "total_critic_reviews_counted,movie_title,release_year,critic_score_percentage,top_critic_score,extra",
      '1,"Up, ""up"" and\naway",2009,98,,x',
      "2,too few,2009",
      "3,too,many,2009,,,",
      '4,"broken"quoting,2009,98,,x',
      '5,bro"ken,2009,98,,x',
      '6,"never closed,2009,98,,x',
      "7,,2009,98,,x",
    ].join("\r\n");
    const lake = expectedLake({ critic_agg: [{ file: "a.csv", text: `\ufeff${text}` }] }, currentYear);
    expect(lake.movies.map((movie) => [movie.movie_title, movie.total_critic_reviews_counted])).toEqual([
      ['bro"ken', 5n],
      ['Up, "up" and away', 1n],
    ]);
    expect(lake.accounting.critic_agg).toEqual({
      read: 7,
      excluded: 0,
      quarantined: 4,
      kept: 2,
      superseded: 0,
      rejected: 1,
    });
    expect(lake.rejected).toEqual([
      { source: "critic_agg", file: "a.csv", rowNumber: 7, reason: "title_missing" },
    ]);
  });

  test("JSON: numbers keep their spelling, null and missing keys are missing", () => {
    const text = `[
      {"title": 300, "year": 2007, "audience_average_score": 9.0, "total_audience_ratings": 9007199254740993},
      7, null, [],
      {"title": "Up", "year": "2010.0"},
      {"title": "Up", "year": 2010.0},
      {"title": "Up", "year": "2009", "audience_average_score": null, "total_audience_ratings": {"n": 1.0}}
    ]`;
    const lake = expectedLake({ audience_pulse: [{ file: "a.json", text }] }, currentYear);
    expect(lake.movies[0]).toMatchObject({ movie_title: "300", total_audience_ratings: 9007199254740993n });
    expect(lake.accounting.audience_pulse).toMatchObject({ read: 7, quarantined: 3, kept: 2, rejected: 2 });
    expect(lake.rejected.map((row) => [row.rowNumber, row.reason])).toEqual([
      [5, "release_year_not_four_digits"],
      [6, "release_year_not_four_digits"],
    ]);
    expect(lake.invalid).toMatchObject([{ column: "total_audience_ratings", raw: '{"n":1.0}' }]);
  });

  test("a file that the pipeline refuses is an error", () => {
    const refused = (source: SourceName, text: string) => () =>
      expectedLake({ [source]: [{ file: "f", text }] }, currentYear);
    expect(refused("critic_agg", "movie_title,release_year\n")).toThrow("missing columns critic_score");
    expect(refused("critic_agg", "")).toThrow("missing columns");
    expect(refused("audience_pulse", "{}")).toThrow("no array");
  });
});

describe("superseding", () => {
  const header = columnsOf("critic_agg").join(",");
  const older = { file: "older.csv", text: `${header}\n"Up, The",2009,98,8.5,300\nup,2009,1,,\n` };
  const newer = { file: "newer.csv", text: `${header}\nThe Up!,2009,,x,310\n` };

  test("the later delivery wins whole, its nulls too", () => {
    const lake = expectedLake({ critic_agg: [older, newer] }, currentYear);
    expect(lake.movies.map((movie) => movie.movie_title)).toEqual(["The Up!", "up"]);
    expect(lake.movies[0]).toMatchObject({ critic_score_percentage: null, top_critic_score: null });
    expect(lake.accounting.critic_agg).toMatchObject({ read: 3, kept: 2, superseded: 1 });
  });

  test("within a file the later row wins", () => {
    const lake = lakeOf({
      critic_agg: [
        ["Up", "2009", "1"],
        ["UP", "2009", "2"],
      ],
    });
    expect(lake.movies).toMatchObject([{ movie_title: "UP", critic_score_percentage: 2 }]);
  });

  test("the same file again adds nothing and does not become the newest", () => {
    const lake = expectedLake({ critic_agg: [older, newer, { ...older, file: "copy.csv" }] }, currentYear);
    expect(lake).toEqual(expectedLake({ critic_agg: [older, newer] }, currentYear));
  });

  test("invalid values come from kept rows only", () => {
    const invalid = { source: "critic_agg", filmKey: "theup", year: 2009, column: "top_critic_score" };
    expect(expectedLake({ critic_agg: [older, newer] }, currentYear).invalid).toEqual([
      { ...invalid, raw: "x", reason: "not_a_number" },
    ]);
    expect(expectedLake({ critic_agg: [newer, older] }, currentYear).invalid).toEqual([]);
  });

  test("provider 3's three files supersede each for itself", () => {
    const lake = lakeOf({
      box_office_domestic: [
        ["Up", "2009", "1"],
        ["Up", "2009", "2"],
      ],
      box_office_financials: [["UP", "2009", "3", "4"]],
    });
    expect(lake.movies).toMatchObject([{ domestic_box_office_gross_usd: 2n, production_budget_usd: 3n }]);
    expect(lake.accounting.box_office_financials.superseded).toBe(0);
  });

  test("it happens before years are bridged", () => {
    const lake = lakeOf({
      critic_agg: [
        ["Up", "2009"],
        ["Up", "2010"],
      ],
      audience_pulse: [["Up", "2011"]],
    });
    expect(lake.accounting.critic_agg).toMatchObject({ kept: 2, superseded: 0 });
    expect(lake.movies).toHaveLength(3);
  });
});

/** C, A: providers 1 and 2; B, I, F: provider 3's domestic, international and financials. */
const letters: Record<string, SourceName> = {
  C: "critic_agg",
  A: "audience_pulse",
  B: "box_office_domestic",
  I: "box_office_international",
  F: "box_office_financials",
};

/** `2000 CA, 2001 B` is one title known to critics and audience in 2000 and to the box office in 2001. */
function lakeOfYears(notation: string) {
  const rows: Partial<Record<SourceName, Cells[]>> = {};
  for (const [year = "", known = ""] of notation.split(", ").map((film) => film.split(" "))) {
    for (const letter of known) {
      const source = letters[letter] ?? "critic_agg";
      rows[source] = [...(rows[source] ?? []), ["Solaris", year]];
    }
  }
  return lakeOf(rows);
}

describe("year bridge", () => {
  const all = "audience_pulse,box_office,critic_agg";
  test.each([
    ["2000 C, 2001 A", ["2000 audience_pulse,critic_agg"]],
    ["2000 A, 2001 C", ["2001 audience_pulse,critic_agg"]],
    ["2000 C, 2001 F", ["2001 box_office,critic_agg"]],
    ["2000 C, 2001 AB", [`2001 ${all}`]],
    ["2000 CA, 2001 B", [`2001 ${all}`]],
    ["2000 B, 2001 CA", [`2000 ${all}`]],
    ["2000 BIF, 2001 C", ["2000 box_office,critic_agg"]],
    ["2000 C, 2001 C", ["2000 critic_agg", "2001 critic_agg"]],
    ["2000 B, 2001 F", ["2000 box_office", "2001 box_office"]],
    ["2000 C, 2001 CA", ["2000 critic_agg", "2001 audience_pulse,critic_agg"]],
    ["2000 C, 2001 CAB", ["2000 critic_agg", `2001 ${all}`]],
    ["2000 CA, 2001 AB", ["2000 audience_pulse,critic_agg", "2001 audience_pulse,box_office"]],
    ["2000 C, 2002 A", ["2000 critic_agg", "2002 audience_pulse"]],
    ["1999 C, 2000 A, 2001 B", ["1999 critic_agg", "2000 audience_pulse", "2001 box_office"]],
    ["1999 C, 2000 A, 2001 A", ["1999 critic_agg", "2000 audience_pulse", "2001 audience_pulse"]],
    [
      "1999 C, 2000 AB, 2001 AB",
      ["1999 critic_agg", "2000 audience_pulse,box_office", "2001 audience_pulse,box_office"],
    ],
    ["1999 C, 2000 A, 2002 B", ["1999 audience_pulse,critic_agg", "2002 box_office"]],
    ["1999 C, 2000 A, 2002 C, 2003 A", ["1999 audience_pulse,critic_agg", "2002 audience_pulse,critic_agg"]],
  ])("%s", (notation, films) => {
    const { movies } = lakeOfYears(notation);
    expect(movies.map((movie) => `${movie.release_year} ${movie.sources_present}`)).toEqual(films);
  });

  test.each([
    ["2000 C", "single"],
    ["2000 BIF", "single"],
    ["2000 CA", "exact"],
    ["2000 CA, 2001 F", "year_bridge"],
  ])("the rule of %s is %s", (notation, rule) =>
    expect(lakeOfYears(notation).xref.map((film) => film.rule)).toEqual([rule]),
  );

  test("film_xref names the rows that were joined, with their own years", () => {
    expect(lakeOfYears("2000 C, 2001 BF").xref).toEqual([
      {
        filmKey: "solaris",
        title: "Solaris",
        year: 2001,
        rule: "year_bridge",
        rows: [
          { source: "critic_agg", title: "Solaris", year: 2000 },
          { source: "box_office_domestic", title: "Solaris", year: 2001 },
          { source: "box_office_financials", title: "Solaris", year: 2001 },
        ],
      },
    ]);
  });
});

describe("displayed title", () => {
  test("remakes stay apart", () => {
    const { movies } = lakeOf({ critic_agg: [["Solaris", "1972"]], audience_pulse: [["Solaris", "2002"]] });
    expect(movies.map((movie) => movie.release_year)).toEqual([1972, 2002]);
  });

  // The best spelling first; each step drops the best one that is left.
  const spellings: [SourceName, string][] = [
    ["box_office_domestic", "The Thing"],
    ["box_office_international", "the thing"],
    ["box_office_financials", "THE THING"],
    ["critic_agg", "The Thing?"],
    ["audience_pulse", "Thing, The"],
  ];
  test.each([0, 1, 2, 3, 4])("without the best %i spellings the next is shown", (dropped) => {
    const left = spellings.slice(dropped);
    const { movies } = lakeOf(Object.fromEntries(left.map(([source, title]) => [source, [[title, "1982"]]])));
    expect(movies.map((movie) => movie.movie_title)).toEqual([left[0]?.[1]]);
  });

  test("a moved article changes the key, never the title", () => {
    const { movies } = lakeOf({
      box_office_financials: [['"Thing, The"', "1982"]],
      critic_agg: [["The Thing", "1982"]],
    });
    expect(movies.map((movie) => movie.movie_title)).toEqual(["Thing, The"]);
  });
});

describe("gold", () => {
  const critic: Cells = ["Up", "2009", "98", "8.5", "300"];
  const audience: Cells = ["Up", "2009", "8.3", "1000", "77"];

  test("every column of a film known to all", () => {
    const lake = lakeOf({
      critic_agg: [critic],
      audience_pulse: [audience],
      box_office_domestic: [["Up", "2009", "300"]],
      box_office_international: [["Up", "2009", "100"]],
      box_office_financials: [["Up", "2009", "150", "50"]],
    });
    expect(lake.movies).toEqual([
      {
        movie_title: "Up",
        release_year: 2009,
        audience_average_score: 8.3,
        total_audience_ratings: 1000n,
        critic_score_percentage: 98,
        top_critic_score: 8.5,
        total_critic_reviews_counted: 300n,
        domestic_box_office_gross_usd: 300n,
        domestic_gross_source: "box_office",
        international_box_office_gross_usd: 100n,
        total_box_office_gross_usd: 400n,
        production_budget_usd: 150n,
        marketing_spend_usd: 50n,
        profit_usd: 200n,
        return_on_investment: 1,
        international_share: 0.25,
        critic_audience_gap: 15,
        sources_present: "audience_pulse,box_office,critic_agg",
      },
    ]);
  });

  test.each([
    ["absent", undefined],
    ["blank", [["Up", "2009", ""]]],
    ["invalid", [["Up", "2009", "N/A"]]],
  ])("domestic gross is provider 2's where provider 3's is %s", (_case, rows) => {
    const [movie] = lakeOf({
      audience_pulse: [audience],
      box_office_international: [["Up", "2009", "23"]],
      ...(rows && { box_office_domestic: rows }),
    }).movies;
    expect(movie).toMatchObject({
      domestic_box_office_gross_usd: 77n,
      domestic_gross_source: "audience_pulse",
      total_box_office_gross_usd: 100n,
    });
  });

  test("provider 3's zero is a value", () => {
    const [movie] = lakeOf({ audience_pulse: [audience], box_office_domestic: [["Up", "2009", "0"]] }).movies;
    expect(movie).toMatchObject({ domestic_box_office_gross_usd: 0n, domestic_gross_source: "box_office" });
  });

  test("null wherever an input is missing", () => {
    const [movie] = lakeOf({ critic_agg: [critic], box_office_financials: [["Up", "2009", "5", ""]] }).movies;
    expect(movie).toMatchObject({
      domestic_box_office_gross_usd: null,
      domestic_gross_source: null,
      total_box_office_gross_usd: null,
      production_budget_usd: 5n,
      profit_usd: null,
      return_on_investment: null,
      international_share: null,
      critic_audience_gap: null,
      sources_present: "box_office,critic_agg",
    });
  });

  test("null where a denominator is zero or a sum does not fit bigint", () => {
    const movieOf = (gross: string, cost: string) =>
      lakeOf({
        box_office_domestic: [["Up", "2009", gross]],
        box_office_international: [["Up", "2009", gross]],
        box_office_financials: [["Up", "2009", cost, cost]],
      }).movies[0];
    const ratios = { return_on_investment: null, international_share: null };
    expect(movieOf("0", "0")).toMatchObject({ total_box_office_gross_usd: 0n, profit_usd: 0n, ...ratios });
    const tooMuch = { total_box_office_gross_usd: null, profit_usd: null, ...ratios };
    expect(movieOf("9e18", "1")).toMatchObject(tooMuch);
    expect(movieOf("0", "9e18")).toMatchObject({ profit_usd: null, return_on_investment: null });
  });
});

describe("differences", () => {
  const { movies } = lakeOf({
    critic_agg: [["Up", "2009", "98", "8.3"]],
    audience_pulse: [["Up", "2009", "8.3", "9007199254740993"]],
  });
  const printed = Object.fromEntries(
    Object.entries(movies[0] ?? {}).map(([column, value]) => [
      column,
      typeof value === "bigint" ? String(value) : value,
    ]),
  );

  test("none where bigints are text and doubles differ by less than 1e-9 of their size", () => {
    expect(differences([{ ...printed, top_critic_score: 8.300000001 }], movies)).toEqual([]);
  });

  test("each value, missing and unexpected column that differs", () => {
    const { critic_audience_gap: _left, ...others } = printed;
    const actual = {
      ...others,
      top_critic_score: 8.30000001,
      total_audience_ratings: 9007199254740992,
      x: 1,
    };
    expect(differences([{ ...actual, profit_usd: 0 }], movies)).toEqual([
      {
        film: "Up (2009)",
        column: "total_audience_ratings",
        expected: "9007199254740993",
        actual: "9007199254740992",
      },
      { film: "Up (2009)", column: "top_critic_score", expected: "8.3", actual: "8.30000001" },
      { film: "Up (2009)", column: "profit_usd", expected: "null", actual: "0" },
      { film: "Up (2009)", column: "critic_audience_gap", expected: "15", actual: "no such column" },
      { film: "Up (2009)", column: "x", expected: "no such column", actual: "1" },
    ]);
  });

  test("films that are missing, unexpected or there twice", () => {
    const film = "Up (2009)";
    expect(differences([], movies)).toEqual([{ film, column: "*", expected: "one row", actual: "0 rows" }]);
    expect(differences([printed], [])).toEqual([{ film, column: "*", expected: "no row", actual: "1 rows" }]);
    expect(differences([printed, printed], movies)).toEqual([
      { film, column: "*", expected: "one row", actual: "2 rows" },
    ]);
  });
});
