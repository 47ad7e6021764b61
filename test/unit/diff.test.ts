import { describe, expect, it } from "vitest";
import { columnDifferences } from "../../ingest/src/publish/diff.ts";
import { publicationNumber } from "../../ingest/src/publish/journal.ts";

describe("columnDifferences", () => {
  it("should name columns that came, went and changed their type", () => {
    const old = [
      { name: "film", type: "string" },
      { name: "year", type: "int" },
      { name: "gone", type: "long" },
    ];
    const now = [
      { name: "year", type: "long" },
      { name: "film", type: "string" },
      { name: "new", type: "double" },
    ];
    expect(columnDifferences(old, now)).toEqual({
      columnsAdded: [{ name: "new", type: "double" }],
      columnsRemoved: [{ name: "gone", type: "long" }],
      columnsRetyped: [{ name: "year", before: "int", after: "long" }],
    });
  });
});

describe("publicationNumber", () => {
  it("should take the number and the tag", () => {
    expect([publicationNumber("3"), publicationNumber("pub_12")]).toEqual([3, 12]);
  });

  it.each(["0", "-1", "pub_", "1.5", "last", ""])("should refuse '%s'", (word) => {
    expect(() => publicationNumber(word)).toThrow("expected the number of a publication");
  });
});
