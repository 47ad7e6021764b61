/** Names of branches, what counts as changed, and the publication that was in force at a time. */
import { describe, expect, it } from "vitest";
import { publicationAsOf } from "../../ingest/src/branches/as-of.ts";
import { branchName, changedTables } from "../../ingest/src/branches/registry.ts";
import type { Database } from "../../ingest/src/catalog.ts";
import { stateAt, type TableMetadata, withoutFuture } from "../../ingest/src/publish/metadata.ts";

describe("the name of a branch", () => {
  it.each(["a", "trial", "trial_2", "a".repeat(31)])("may be %s", (word) => {
    expect(branchName(word)).toBe(word);
  });
  it.each([undefined, "", "Trial", "2nd", "_a", "a-b", "a.b", 'a"b', "a b", "a".repeat(32), "trial\n"])(
    "should not be %s",
    (word) => {
      expect(() => branchName(word)).toThrow("expected the name of a branch");
    },
  );
});

describe("changed tables", () => {
  const base = new Map([
    ["gold.a", "1"],
    ["gold.b", "1"],
    ["bronze.c", "1"],
  ]);
  it("should be those that are new, moved or gone, of silver and gold alone", () => {
    const current = new Map([
      ["gold.a", "2"],
      ["silver.d", "1"],
    ]);
    expect(changedTables(base, current)).toEqual(["gold.a", "gold.b", "silver.d"]);
    expect(changedTables(base, new Map([...base].slice(0, 2)))).toEqual([]);
  });
});

describe("as of", () => {
  /** Two publications, at noon and at 14:00 UTC. */
  const times = ["2026-11-27T12:00:00Z", "2026-11-27T14:00:00Z"].map((time) => new Date(time));
  const ledger = {
    async query(sql: string, [value]: [Date | number]) {
      if (sql.includes("where id = $1")) return { rows: times[Number(value) - 1] ? [{ id: value }] : [] };
      const at = value as Date;
      const id = times.filter((time) => time <= at).length;
      return {
        rows: [{ id: id || null, first: times[0], is_future: at > new Date("2026-11-27T15:00:00Z") }],
      };
    },
  } as unknown as Database;

  it.each([
    ["2", 2],
    ["pub_1", 1],
    ["2026-11-27T12:00:00Z", 1],
    ["2026-11-27T13:59:59.999Z", 1],
    ["2026-11-27T14:00", 2],
    ["2026-11-27 14:00:00", 2],
    ["2026-11-27T14:00:00+01:00", 1],
    ["2026-11-27T09:00:00-0500", 2],
  ])("%s should mean publication %s", async (word, id) => {
    expect((await publicationAsOf(ledger, word)).id).toBe(id);
  });

  it.each([
    ["3", "there is no publication 3"],
    ["2026-11-27", "nothing was published at 2026-11-27T00:00:00.000Z: the first was at 2026-11-27T12:00"],
    ["2026-11-28", "is in the future"],
    ["2026-13-01", "expected a publication or a time"],
    ["yesterday", "expected a publication or a time"],
    ["", "expected a publication or a time"],
  ])("%s should be refused", async (word, says) => {
    await expect(publicationAsOf(ledger, word)).rejects.toThrow(says);
  });
});

describe("metadata as of a publication", () => {
  const metadata = {
    "table-uuid": "u",
    "current-snapshot-id": 3,
    "current-schema-id": 1,
    "default-spec-id": 0,
    "default-sort-order-id": 0,
    "last-updated-ms": 300,
    schemas: [
      { "schema-id": 0, fields: [] },
      { "schema-id": 1, fields: [] },
    ],
    "partition-specs": [{ "spec-id": 0 }],
    "sort-orders": [{ "order-id": 0 }],
    snapshots: [
      { "snapshot-id": 1, "schema-id": 0 },
      { "snapshot-id": 2, "schema-id": 0 },
      { "snapshot-id": 3, "schema-id": 1 },
    ],
    "snapshot-log": [
      { "snapshot-id": 1, "timestamp-ms": 100 },
      { "snapshot-id": 2, "timestamp-ms": 200 },
      { "snapshot-id": 3, "timestamp-ms": 300 },
    ],
    "metadata-log": [{ "metadata-file": "m", "timestamp-ms": 200 }],
    refs: {
      main: { "snapshot-id": 2, type: "branch" },
      pub_2: { "snapshot-id": 2, type: "tag" },
      pub_10: { "snapshot-id": 3, type: "tag" },
    },
  } satisfies TableMetadata;

  it("should find what bronze was at a time, with the schema of then", () => {
    expect(stateAt(metadata, 250)).toMatchObject({ snapshotId: "2", schemaId: 0 });
    expect(stateAt(metadata, 300)).toMatchObject({ snapshotId: "3", schemaId: 1 });
    expect(stateAt(metadata, 99)).toBeUndefined();
  });

  it("should find nothing where the snapshot was collected", () => {
    const collected = { ...metadata, snapshots: metadata.snapshots.slice(2) };
    expect(stateAt(collected, 250)).toBeUndefined();
  });

  it("should know of no later publication", () => {
    const past = withoutFuture(metadata, { id: 2, publishedAtMs: 200 });
    expect(Object.keys(past.refs ?? {})).toEqual(["main", "pub_2"]);
    expect(past["snapshot-log"]).toEqual(metadata["snapshot-log"].slice(0, 2));
    expect(past).toMatchObject({ "last-updated-ms": 200, "metadata-log": [] });
  });
});
