/** Which batches a build looks at, and when everything is built. */
import { describe, expect, it } from "vitest";
import { scopeOf } from "../../ingest/src/changes.ts";
import type { LoadedRows } from "../../ingest/src/ledger.ts";
import type { JournalPublication, JournalTable } from "../../ingest/src/publish/journal.ts";

const rules = { projectSha256: "ab12", year: 2026, trino: "476", erasures: 0, recoveries: 0 };
const otherRules = "the models, Trino or the year changed, or rows were erased";
const batch = (batchId: string, rows = 1, counts = true): LoadedRows => ({
  source: "s",
  batchId,
  rows,
  counts,
});
const publication = {
  batches: ["s/old", "s/gone"],
  details: { rules },
} as unknown as JournalPublication;
const tables = [{ name: "gold.films", newestLocation: "s3://w/films/2.json" }] as JournalTable[];
const fork = new Map([["gold.films", "s3://w/films/2.json"]]);
const latest = { publication, tables };
/** `gone` was excluded since, `new` came. */
const batches = [batch("old", 1000), batch("gone", 1, false), batch("new")];
const input = { batches, rules, fork };

describe("the scope of a build", () => {
  it("should be the batches that came and those that left", () => {
    expect(scopeOf(latest, input)).toEqual({ changed: { added: { s: ["new"] }, removed: { s: ["gone"] } } });
  });

  it("should leave out a batch that came and left in between", () => {
    const more = [...batches, batch("short", 1, false)];
    expect(scopeOf(latest, { ...input, batches: more })).toEqual(scopeOf(latest, input));
  });

  it.each([
    ["nothing is published", undefined, input, "nothing is published yet"],
    ["other models", latest, { ...input, rules: { ...rules, projectSha256: "cd34" } }, otherRules],
    ["another Trino", latest, { ...input, rules: { ...rules, trino: "480" } }, otherRules],
    ["an erasure since", latest, { ...input, rules: { ...rules, erasures: 1 } }, otherRules],
    ["a recovery since", latest, { ...input, rules: { ...rules, recoveries: 1 } }, otherRules],
    ["another year", latest, { ...input, rules: { ...rules, year: 2027 } }, otherRules],
    [
      "a publication that does not say by which rules it was made",
      { publication: { ...publication, details: {} }, tables },
      input,
      otherRules,
    ],
    [
      "a branch from elsewhere",
      latest,
      { ...input, fork: new Map([["gold.films", "s3://w/films/3.json"]]) },
      "the branch does not start from the newest publication",
    ],
    [
      "a table more than was published",
      latest,
      { ...input, fork: new Map([...fork, ["gold.more", "s3://w/more/1.json"]]) },
      "the branch does not start from the newest publication",
    ],
    ["nothing changed", latest, { ...input, batches: [batch("old"), batch("gone")] }, "no batch changed"],
    [
      "a batch that the ledger does not know",
      latest,
      { ...input, batches: [batch("old", 1000)] },
      "a batch is gone",
    ],
    ["many rows", latest, { ...input, batches: [...batches, batch("large", 500)] }, "many rows changed"],
    [
      "many rows that leave",
      latest,
      { ...input, batches: [batch("old", 1000), batch("gone", 500, false)] },
      "many rows changed",
    ],
    [
      "many batches",
      latest,
      { ...input, batches: [...batches, ...Array.from({ length: 200 }, (_, n) => batch(`b${n}`, 0))] },
      "more than 200 batches changed",
    ],
  ])("should be everything after %s", (_name, before, now, whole) => {
    expect(scopeOf(before, now)).toEqual({ whole });
  });
});
