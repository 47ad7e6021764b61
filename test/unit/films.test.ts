import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectedLake, type SourceName, sourceNames } from "../oracle/index.ts";

const filmsFolder = join(import.meta.dirname, "../../data/films");
const packageEntry = createRequire(import.meta.url).resolve("vega-datasets");

function fileOf(source: SourceName): string {
  return source === "audience_pulse" ? "audience_pulse.json" : `${source}.csv`;
}

describe("data/films", () => {
  test("the committed files are what make.ts produces", () => {
    const madeFolder = mkdtempSync(join(tmpdir(), "reelhouse-films-"));
    try {
      execFileSync(process.execPath, [join(filmsFolder, "make.ts"), madeFolder]);
      expect(readdirSync(madeFolder).sort()).toEqual(sourceNames.map(fileOf).sort());
      for (const file of readdirSync(madeFolder)) {
        const made = readFileSync(join(madeFolder, file));
        expect(made.equals(readFileSync(join(filmsFolder, file))), file).toBe(true);
      }
    } finally {
      rmSync(madeFolder, { recursive: true });
    }
  });

  test("the package spells every number as JavaScript prints it, so that none changes on the way", () => {
    const text = readFileSync(join(packageEntry, "../../data/movies.json"), "utf8");
    const respelled: string[] = [];
    JSON.parse(text, (_key, value: unknown, context?: { source: string }) => {
      if (typeof value === "number" && String(value) !== context?.source) respelled.push(String(value));
      return value;
    });
    expect(respelled).toEqual([]);
  });

  // The figures of data/films/README.md. The year is fixed: in 2028 the films of "2033" become acceptable.
  test("the lake that 2026 makes of them", () => {
    const lake = expectedLake(
      Object.fromEntries(
        sourceNames.map((source) => {
          const file = fileOf(source);
          return [source, [{ file, text: readFileSync(join(filmsFolder, file), "utf8") }]];
        }),
      ),
      2026,
    );
    const rejectedFor = (reason: string) => lake.rejected.filter((row) => row.reason === reason).length;
    expect(lake.movies).toHaveLength(3185);
    expect(lake.xref.filter((film) => film.rule === "exact")).toHaveLength(3035);
    expect(lake.xref.filter((film) => film.rule === "year_bridge")).toEqual([]);
    expect(lake.rejected).toHaveLength(73);
    expect(rejectedFor("release_year_out_of_range")).toBe(68);
    expect(rejectedFor("title_missing")).toBe(5);
    expect(lake.invalid).toEqual([]);
    expect(lake.movies.filter((movie) => movie.movie_title === "2012")).toHaveLength(1);
  });
});
