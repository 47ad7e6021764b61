import { describe, expect, it } from "vitest";
import type { Database } from "../../ingest/src/catalog.ts";
import { usualRetention } from "../../ingest/src/config/retention.ts";
import { loadPipeline } from "../../ingest/src/config.ts";
import { serviceError } from "../../ingest/src/errors.ts";
import { stringifyExactly } from "../../ingest/src/json.ts";
import { atMost } from "../../ingest/src/limit.ts";
import { type Health, needsOf } from "../../ingest/src/maintain/health.ts";
import { asRetentionSays, planUpkeep } from "../../ingest/src/maintain/plan.ts";
import { droppedSnapshots, keptPublications, retained } from "../../ingest/src/maintain/retention.ts";
import { orphansOf } from "../../ingest/src/maintain/sweep.ts";
import type { TableMetadata } from "../../ingest/src/publish/metadata.ts";
import type { Report } from "../../ingest/src/report.ts";
import type { UpkeepStore } from "../../ingest/src/store.ts";

const context = { file: "pipeline.yaml", baseFolder: "/films", env: {} };
const load = (retention: string) =>
  loadPipeline(`source: {critic_agg: a.csv}\n${retention}`, context).retention;

describe("retention in pipeline.yaml", () => {
  it("should be as documented unless told", () => {
    expect(load("")).toEqual({ publications: 30, days: 90, orphanHours: 24 });
    expect(load("retention: {publications: 5}")).toEqual({ ...usualRetention, publications: 5 });
    expect(load("retention: {publications: 1, days: 0, orphan_hours: 0}")).toEqual({
      publications: 1,
      days: 0,
      orphanHours: 0,
    });
  });

  it.each([
    [
      "retention: {publications: 0}",
      "retention.publications: expected a whole number from 1 to 100000, found 0",
    ],
    ["retention: {days: -1}", "retention.days: expected a whole number from 0 to 100000, found -1"],
    ["retention: {days: 1.5}", "retention.days: expected a whole number from 0 to 100000, found 1.5"],
    ["retention: {days: ten}", "retention.days: expected a whole number from 0 to 100000, found 'ten'"],
    ["retention: {dys: 9}", "expected publications, days, orphan_hours, found 'dys', did you mean days?"],
    ["retention: 30", "retention: expected an object with publications, days, orphan_hours, found 30"],
  ])("should be refused with its line: %s", (text, says) => {
    expect(() => load(text)).toThrow(says);
    expect(() => load(text)).toThrow("pipeline.yaml:2:");
  });
});

const dayMs = 24 * 3600 * 1000;
const nowMs = Date.UTC(2026, 10, 27);
/** Newest first, a day apart, the newest of today. */
const history = (...kinds: string[]) =>
  kinds.map((kind, index) => ({
    id: kinds.length - index,
    kind,
    publishedAt: new Date(nowMs - index * dayMs),
  }));
const kept = (kinds: string[], publications: number, days: number, forks: number[] = []) =>
  [
    ...keptPublications(history(...kinds), { publications, days }, { nowMs, forkPoints: new Set(forks) }),
  ].sort();

describe("publications that stay", () => {
  it("should be the newest ones, and the young ones", () => {
    expect(kept(["build", "build", "build", "build"], 2, 0)).toEqual([3, 4]);
    expect(kept(["build", "build", "build", "build"], 1, 2.5)).toEqual([2, 3, 4]);
    expect(kept(["build", "build"], 30, 0)).toEqual([1, 2]);
    expect(kept([], 1, 0)).toEqual([]);
  });

  it("should not be pushed out by upkeep's own", () => {
    expect(kept(["maintenance", "maintenance", "rollback", "maintenance", "build", "build"], 2, 0)).toEqual([
      2, 3, 4, 5, 6,
    ]);
  });

  it("should have those that open branches were forked from", () => {
    expect(kept(["build", "build", "build", "build"], 1, 0, [2])).toEqual([2, 4]);
  });
});

const snapshot = (id: bigint | number) => ({
  "snapshot-id": id,
  "manifest-list": `s3://w/t/metadata/${id}.avro`,
});
const tag = (id: bigint | number) => ({ "snapshot-id": id, type: "tag" as const });
const big = 8535196482606253332n;
const metadata: TableMetadata = {
  "table-uuid": "u",
  "current-snapshot-id": big,
  "current-schema-id": 0,
  "default-spec-id": 0,
  "default-sort-order-id": 0,
  "last-updated-ms": 5000,
  schemas: [],
  "partition-specs": [],
  "sort-orders": [],
  snapshots: [snapshot(1), snapshot(2), snapshot(3), snapshot(big)],
  "snapshot-log": [
    { "snapshot-id": 1, "timestamp-ms": 1000 },
    { "snapshot-id": 3, "timestamp-ms": 3000 },
    { "snapshot-id": 1, "timestamp-ms": 4000 },
    { "snapshot-id": big, "timestamp-ms": 5000 },
  ],
  "metadata-log": [
    { "metadata-file": "s3://w/t/metadata/00001-a.metadata.json", "timestamp-ms": 1000 },
    { "metadata-file": "s3://w/t/metadata/00002-b.metadata.json", "timestamp-ms": 3000 },
  ],
  refs: {
    main: { "snapshot-id": big, type: "branch" },
    pub_1: tag(1),
    pub_2: tag(3),
    pub_3: tag(1),
    pub_4: tag(big),
    audited: tag(2),
  },
  statistics: [1, 3].map((id) => ({ "snapshot-id": id, "statistics-path": `s3://w/t/metadata/${id}.stats` })),
};
const isKept = (location: string) => location.includes("00002");

describe("a table's metadata without what leaves", () => {
  it("should have the tags that stay and other people's, and the snapshots that they need", () => {
    const result = retained(metadata, { publications: new Set([3, 4]), isKept });
    expect(Object.keys(result.refs ?? {})).toEqual(["main", "pub_3", "pub_4", "audited"]);
    expect(result.snapshots?.map((one) => one["snapshot-id"])).toEqual([1, 2, big]);
    expect(droppedSnapshots(metadata, result).map((one) => one["snapshot-id"])).toEqual([3]);
    expect(result.statistics?.map((file) => file["snapshot-id"])).toEqual([1]);
    expect(result["metadata-log"]?.map((entry) => entry["timestamp-ms"])).toEqual([3000]);
    expect(metadata.snapshots).toHaveLength(4);
  });

  it("should have no history with a hole in it: that would answer for the time of the hole with what was before", () => {
    const log = (...publications: number[]) =>
      retained(metadata, { publications: new Set(publications), isKept })["snapshot-log"]?.map(
        (entry) => entry["timestamp-ms"],
      );
    expect(log(1, 2, 3, 4)).toEqual([1000, 3000, 4000, 5000]);
    expect(log(1, 3, 4)).toEqual([4000, 5000]);
    expect(log(4)).toEqual([5000]);
  });

  it("should have what was current since a time, where there are no tags", () => {
    const { refs: _, ...bronze } = metadata;
    const since = (sinceMs: number) =>
      retained(bronze, { publications: new Set(), isKept, sinceMs }).snapshots?.map(
        (one) => one["snapshot-id"],
      );
    expect(since(4500)).toEqual([1, big]);
    expect(since(5000)).toEqual([big]);
    expect(since(9000)).toEqual([big]);
    expect(since(3500)).toEqual([1, 3, big]);
    expect(since(0)).toEqual([1, 3, big]);
  });
});

const healthy: Health = {
  files: 4,
  bytes: 1000,
  smallFiles: 0,
  deleteFiles: 0,
  manifests: 4,
  snapshots: 4,
  metadataBytes: 5000,
  hasStatistics: true,
};
const no = { compact: false, manifests: false, analyze: false, expire: false };

describe("what a table needs", () => {
  it.each([
    ["gold.a", {}, 0, {}],
    ["gold.a", { smallFiles: 9 }, 0, { compact: true, manifests: true, analyze: true }],
    ["gold.a", { deleteFiles: 1 }, 0, { compact: true, manifests: true, analyze: true }],
    ["gold.a", { hasStatistics: false }, 0, { analyze: true }],
    ["gold.a", { manifests: 30 }, 9, { manifests: true }],
    ["gold.a", {}, 10, { expire: true }],
    ["bronze.batches", { smallFiles: 9, hasStatistics: false }, 0, { compact: true, manifests: true }],
    // The files are the deliveries' own objects: a batch that was registered, and noted by nobody, would come twice.
    ["bronze.critic_agg", { smallFiles: 99, deleteFiles: 9, hasStatistics: false }, 0, {}],
    ["bronze.critic_agg", { manifests: 99 }, 99, { manifests: true, expire: true }],
  ] as const)(
    "should be measured: %s %j, %i snapshots that nobody needs",
    (table, health, dropped, needs) => {
      expect(needsOf(table, { ...healthy, ...health }, dropped)).toEqual({ ...no, ...needs });
    },
  );
});

/** A ledger with these publications, newest first, of which one open branch was forked, and these rows. */
function ledgerOf(publications: number[], forkedFrom: number, rows: { catalog: string; location: string }[]) {
  const answers: [string, unknown[]][] = [
    [
      "iceberg.iceberg_tables order",
      rows.map(({ catalog, location }) => ({
        ...{ catalog_name: catalog, table_namespace: "gold", table_name: "films", iceberg_type: "TABLE" },
        ...{ metadata_location: location, previous_metadata_location: null },
      })),
    ],
    ["from branch.branch ", [{ name: "trial", forked_from: forkedFrom, base: {}, batches: [] }]],
    [
      "from branch.publication where",
      publications.map((id) => ({ id, kind: "build", published_at: new Date(0) })),
    ],
  ];
  const query = async (sql: string) => ({ rows: answers.find(([part]) => sql.includes(part))?.[1] ?? [] });
  return { query } as unknown as Database;
}

describe("a plan", () => {
  const there = { ...metadata, snapshots: [], statistics: [], "current-snapshot-id": -1 };
  const location = (catalog: string) => `s3://warehouse/gold/films-1/metadata/${catalog}.json`;
  async function planOf(present: string[], rows: string[]) {
    const warnings: string[] = [];
    const getText = async (_bucket: string, key: string) => {
      if (present.some((catalog) => location(catalog).endsWith(key))) return stringifyExactly(there);
      throw serviceError(
        "store",
        `get ${key}`,
        Object.assign(new Error("no such key"), { code: "NoSuchKey" }),
      );
    };
    const ledger = ledgerOf(
      [4, 3, 2, 1],
      2,
      rows.map((catalog) => ({ catalog, location: location(catalog) })),
    );
    const report = { warn: (_: string, text: string) => warnings.push(text) } as unknown as Report;
    const store = { getText } as unknown as UpkeepStore;
    const retention = { publications: 1, days: 0, orphanHours: 24 };
    const plan = await planUpkeep({ ledger, store, report }, asRetentionSays(retention));
    return { plan, warnings };
  }

  it("should keep what open branches were forked from, whatever tags their tables have", async () => {
    const { plan } = await planOf(["lakehouse", "br_trial"], ["lakehouse", "br_trial"]);
    expect([...plan.publications].sort()).toEqual([2, 4]);
    const empty = await planOf(["lakehouse"], ["lakehouse"]);
    expect([...empty.plan.publications].sort()).toEqual([2, 4]);
  });

  it("should tell of a branch's table whose metadata is gone, and go on", async () => {
    const { plan, warnings } = await planOf(["lakehouse"], ["lakehouse", "br_trial", "audit"]);
    expect(plan.tables.map(({ catalog }) => catalog)).toEqual(["lakehouse"]);
    expect(warnings).toEqual([
      expect.stringMatching(/^br_trial\.gold\.films: .*not on the store: .*branch drop trial$/),
      expect.stringMatching(/^audit\.gold\.films: /),
    ]);
  });

  it("should name a table of production whose metadata is gone, and what to do", async () => {
    await expect(planOf(["br_trial"], ["lakehouse", "br_trial"])).rejects.toMatchObject({
      message: `lakehouse.gold.films: ${location("lakehouse")} is not on the store; nothing was changed`,
      next: expect.stringContaining("backup"),
    });
  });
});

describe("orphans", () => {
  const listed = (...objects: [string, number][]) =>
    new Map(objects.map(([key, ageMs]) => [key, { key, byteCount: 7, modifiedAt: new Date(nowMs - ageMs) }]));

  it("should be what nobody reads and nobody may just be writing", () => {
    const listing = listed(
      ["warehouse/gold/t-1/data/live.parquet", 9 * dayMs],
      ["warehouse/gold/t-1/data/dead.parquet", 9 * dayMs],
      ["warehouse/gold/t-1/data/young.parquet", 0],
      ["warehouse/gold/t-2/metadata/00000-a.metadata.json", 9 * dayMs],
    );
    const live = new Set(["warehouse/gold/t-1/data/live.parquet"]);
    expect(orphansOf(listing, live, nowMs - dayMs)).toEqual({
      objects: ["warehouse/gold/t-1/data/dead.parquet", "warehouse/gold/t-2/metadata/00000-a.metadata.json"],
      bytes: 14,
      folders: ["warehouse/gold/t-2/"],
    });
  });
});

describe("atMost", () => {
  it("should run no more than so many works at a time, all of them, though some fail", async () => {
    const turn = atMost(3);
    let running = 0;
    let most = 0;
    const works = Array.from({ length: 20 }, (_, index) =>
      turn(async () => {
        most = Math.max(most, ++running);
        await new Promise((done) => setTimeout(done, 1));
        running -= 1;
        if (index % 5 === 0) throw new Error(`${index}`);
        return index;
      }),
    );
    const outcomes = await Promise.allSettled(works);
    expect(most).toBe(3);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(16);
  });
});
