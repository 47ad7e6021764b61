import { describe, expect, it } from "vitest";
import { likelyRenames } from "../../ingest/src/drift/renames.ts";
import { compareColumns, evolved, reasonToHold, type SourceSchema } from "../../ingest/src/drift/schema.ts";

const schema: SourceSchema = {
  version: 3,
  columns: [
    { name: "title", required: true },
    { name: "year", required: true },
    { name: "notes", required: false },
  ],
};
const noRenames = new Map<string, string>();

describe("columns of a delivery", () => {
  it("should be compared with the registered ones, whatever their order", () => {
    expect(compareColumns(schema, ["year", "rating", "title"])).toEqual({
      added: ["rating"],
      missing: [{ name: "notes", required: false }],
    });
  });

  it.each([
    { delivered: ["title", "year", "notes"], evolve: undefined, freeze: undefined },
    {
      delivered: ["title", "year"],
      evolve: undefined,
      freeze: "missing column notes, and the source is frozen",
    },
    {
      delivered: ["title", "year", "notes", "rating"],
      evolve: undefined,
      freeze: "new column rating, and the source is frozen",
    },
    { delivered: ["title"], evolve: "missing column year", freeze: "missing column year" },
    { delivered: ["notes"], evolve: "missing columns title, year", freeze: "missing columns title, year" },
  ])("should be held or not: $delivered", ({ delivered, evolve, freeze }) => {
    const drift = compareColumns(schema, delivered);
    expect(reasonToHold(drift, noRenames, "evolve")).toBe(evolve);
    expect(reasonToHold(drift, noRenames, "report")).toBe(evolve);
    expect(reasonToHold(drift, noRenames, "freeze")).toBe(freeze);
  });

  it("should be held when an optional one has another name now", () => {
    const drift = compareColumns(schema, ["title", "year", "note"]);
    expect(reasonToHold(drift, new Map([["notes", "note"]]), "evolve")).toBe(
      "missing column notes (renamed to note?)",
    );
  });

  it("should make the next version when they are added, as optional ones", () => {
    expect(evolved(schema, [])).toBeUndefined();
    expect(evolved(schema, ["rating"])).toEqual({
      version: 4,
      columns: [...schema.columns, { name: "rating", required: false }],
    });
  });
});

describe("a renamed column", () => {
  const titles = ["Heat", "Alien", "Up", "Jaws"];
  const rename = (
    missing: Record<string, string[]>,
    added: Record<string, string[]>,
  ): Record<string, string> =>
    Object.fromEntries(
      likelyRenames(
        Object.keys(missing),
        Object.keys(added),
        new Map(Object.entries(missing)),
        new Map(Object.entries(added)),
      ),
    );

  it.each([
    ["by its name", { movie_title: [] }, { movie_titel: [] }, { movie_title: "movie_titel" }],
    ["by its name and the shape of its values", { year: ["2001"] }, { years: ["1999"] }, { year: "years" }],
    ["by its values alone", { title: titles }, { film: [...titles, "Dune"] }, { title: "film" }],
    ["not by being a number too", { score: ["87", "94"] }, { budget: ["160", "185"] }, {}],
    ["not by two common values", { flag: ["yes", "no"] }, { sold_out: ["no", "yes"] }, {}],
    [
      "one for one, the likeliest first",
      { title: titles, year: ["2001", "2002", "2003"] },
      { film_year: ["2001", "2002", "2003"], film_title: titles },
      { title: "film_title", year: "film_year" },
    ],
  ])("should be found %s", (_how, missing, added, expected) => {
    expect(rename(missing as Record<string, string[]>, added as Record<string, string[]>)).toEqual(expected);
  });
});
