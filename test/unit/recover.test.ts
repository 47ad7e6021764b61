/** The catalog from the object store alone: which files are the newest, and what the ledger must have said. */
import { describe, expect, it } from "vitest";
import type { Database } from "../../ingest/src/catalog.ts";
import { batchIdOf } from "../../ingest/src/ledger.ts";
import type { TableMetadata } from "../../ingest/src/publish/metadata.ts";
import { candidates, newestVersion } from "../../ingest/src/recover/bronze.ts";
import { type CountedBatch, contentsOf, recoverBatches } from "../../ingest/src/recover/ledger.ts";
import { recoverCatalog } from "../../ingest/src/recover/recover.ts";
import { requireOwnStore, requireRecovered } from "../../ingest/src/recover/state.ts";
import type { Settings } from "../../ingest/src/settings.ts";
import { startStore } from "../fixtures/s3.ts";

const uuid = "0123456789abcdef0123456789abcdef";
const location = (table: string, version: string) =>
  `s3://bronze/tables/bronze/${table}-${uuid}/metadata/${version}-x.metadata.json`;

describe("a table of bronze", () => {
  const files = ["00001", "00002", "00010"].map((version, index) => ({
    location: location("critic_agg", version),
    modifiedAt: new Date(1000 - index),
  }));

  it("should be looked for among the newest by time and by number", () => {
    const others = [
      { location: `s3://bronze/tables/bronze/critic_agg-${uuid}/data/1.parquet`, modifiedAt: new Date() },
      { location: location("batches", "00000"), modifiedAt: new Date(0) },
    ];
    expect(candidates([...files, ...others], 1)).toEqual(
      new Map([
        ["critic_agg", [location("critic_agg", "00001"), location("critic_agg", "00010")]],
        ["batches", [location("batches", "00000")]],
      ]),
    );
  });

  it("should be the version that was written last, whatever its number", () => {
    const version = (name: string, writtenMs: number) => ({
      location: location("critic_agg", name),
      metadata: { "last-updated-ms": writtenMs } as TableMetadata,
    });
    const left = version("00012", 5);
    const newest = version("00007", 6);
    expect(newestVersion([left, newest, version("00006", 4)])).toBe(newest);
  });
});

const content = "a".repeat(64);
const other = "b".repeat(64);
const again = (restatement: number) =>
  batchIdOf(content, { newest: undefined, nextRestatement: restatement });
const entry = (batchId: string, more: Partial<CountedBatch> = {}): CountedBatch => ({
  ...{ source: "critics", batchId, sourceFile: "c.csv", loadOrder: 1, committedAt: "now", excludedAt: null },
  ...{ rowsRead: 1, rowsAccepted: 1, rowsQuarantined: 0, ...more },
});
const originals = (...ids: string[]) => new Map(ids.map((id) => [id, 7]));
const recovered = (counted: CountedBatch[], kept: Map<string, number>) =>
  recoverBatches("critics", counted, kept).map(({ batchId, state, restatement, replaces, contentHash }) => {
    const of = contentHash === content ? "content" : "other";
    return `${of} ${restatement} ${state}${replaces ? ` for ${replaces === content ? 0 : 1}` : ""}${batchId === contentHash ? "" : " derived"}`;
  });

describe("the ledger", () => {
  it("should know which bytes an id stands for", () => {
    expect(contentsOf([again(2), content, other])).toEqual(
      new Map([
        [again(2), { contentHash: content, restatement: 2 }],
        [content, { contentHash: content, restatement: 0 }],
        [other, { contentHash: other, restatement: 0 }],
      ]),
    );
  });

  it("should have what counts, and what is excluded", () => {
    const counted = [entry(content), entry(other, { excludedAt: "then" })];
    expect(recovered(counted, originals(content, other))).toEqual([
      "content 0 committed",
      "other 0 excluded",
    ]);
    expect(recoverBatches("critics", counted, originals(content))[0]).toMatchObject({ byteCount: 7 });
  });

  it("should know that rows were erased of what counts and has no original", () => {
    const counted = [entry(content), entry(other), entry(again(1), { excludedAt: "then" })];
    const batches = recoverBatches("critics", counted, originals(content, "c".repeat(64)));
    const erased = batches.filter(({ isErased }) => isErased).map(({ batchId }) => batchId);
    expect(erased.sort()).toEqual([other, again(1)].sort());
  });

  it("should have both batches of bytes that were loaded again", () => {
    expect(recovered([entry(content), entry(again(1))], originals(content, again(1)))).toEqual([
      "content 1 committed derived",
      "content 0 committed",
    ]);
  });

  it("should have a batch that was replaced, and by which", () => {
    expect(recovered([entry(again(1))], originals(content, again(1)))).toEqual([
      "content 1 committed for 0 derived",
      "content 0 replaced",
    ]);
  });

  it("should give up the number of what was held back or unfinished: objects may have its name", () => {
    expect(recovered([], originals(content))).toEqual(["content 0 dropped"]);
    expect(recovered([entry(content)], originals(content, again(1)))).toEqual([
      "content 1 dropped derived",
      "content 0 committed",
    ]);
  });
});

/** A ledger that answers how far a recovery is; `asked`: what else it heard. */
function ledgerOf(state: { empty: boolean; unfinished: boolean | null; unpublished?: boolean }) {
  const asked: string[] = [];
  const query = async (sql: string) => {
    if (sql.includes("branch.is_empty()")) return { rows: [state] };
    asked.push(sql.trim().split(/\s+/).slice(0, 3).join(" "));
    return { rows: [] };
  };
  return { asked, ledger: { query } as unknown as Database };
}

const emptyList = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

describe("a recovery", () => {
  it("should leave no trace when it is refused: what is loaded next would count as recovered in part", async () => {
    const store = await startStore([]);
    store.instead = (_, response) => Boolean(response.end(emptyList));
    try {
      const { asked, ledger } = ledgerOf({ empty: true, unfinished: null });
      const { endpoint, accessKey, secretKey } = store.login;
      const settings = { store: { endpoint, backup: { accessKey, secretKey } }, silenceMs: 5000 };
      const recovering = recoverCatalog({
        settings: settings as unknown as Settings,
        ...{ ledger, runId: "run", signal: new AbortController().signal },
        report: { info() {}, warn() {}, error() {}, progress() {} },
      });
      await expect(recovering).rejects.toThrow("the object store has no publication and no table of bronze");
      expect(asked).toEqual([]);
    } finally {
      await store.close();
    }
  });

  it.each([
    {
      what: "that filled nothing",
      state: { empty: true, unfinished: true },
      hears: ["update ledger.run set"],
    },
    { what: "that is done", state: { empty: false, unfinished: false }, hears: [] },
    { what: "that never was", state: { empty: false, unfinished: null }, hears: [] },
  ])("should not keep a run back: one $what", async ({ state, hears }) => {
    const { asked, ledger } = ledgerOf(state);
    await requireRecovered(ledger);
    expect(asked).toEqual(hears);
  });

  it("should keep every run back while the ledger is missing", async () => {
    const { ledger } = ledgerOf({ empty: false, unfinished: true });
    await expect(requireRecovered(ledger)).rejects.toThrow("the catalog is recovered in part");
  });
});

describe("an empty catalog", () => {
  const filled = { empty: false, unfinished: false, unpublished: false };
  const loaded = { ...filled, unpublished: true };
  const nothing = { empty: true, unfinished: null, unpublished: true };
  /** A store whose buckets have these objects; `asked`: how many times it was asked. */
  function storeOf(...locations: string[]) {
    const asked: string[] = [];
    const bucketOf = (bucket: string) => ({
      hasAny: async (prefix: string) => {
        asked.push(`${bucket}/${prefix}`);
        return locations.some((location) => location.startsWith(`${bucket}/${prefix}`));
      },
    });
    const buckets = new Map(["bronze", "warehouse", "landing"].map((name) => [name, bucketOf(name)]));
    return { asked, buckets };
  }

  it.each([
    ["warehouse/_publications/1.json", "publications"],
    ["warehouse/_publications/412.json", "publications"],
    [`bronze/tables/bronze/batches-${uuid}/metadata/00000-x.metadata.json`, "tables of bronze"],
  ])("should not start over beside %s", async (object, what) => {
    const refused = requireOwnStore(ledgerOf(nothing).ledger, storeOf(object).buckets);
    await expect(refused).rejects.toMatchObject({
      message: expect.stringContaining(`the catalog is empty, and the object store has ${what}`),
      next: expect.stringContaining("reelhouse recover-catalog"),
    });
  });

  it("should start beside deliveries, and beside what a load that was killed has left", async () => {
    const { buckets, asked } = storeOf(
      "landing/a.csv",
      "bronze/originals/critics/1",
      "bronze/rows/critics/1",
    );
    await requireOwnStore(ledgerOf(nothing).ledger, buckets);
    expect(asked).toEqual(["warehouse/_publications/", "bronze/tables/"]);
  });

  it("should be told from one in which nothing is published yet", async () => {
    await requireOwnStore(ledgerOf(loaded).ledger, storeOf("bronze/tables/bronze/t").buckets);
    const copies = storeOf("warehouse/_publications/3.json");
    await expect(requireOwnStore(ledgerOf(loaded).ledger, copies.buckets)).rejects.toThrow(
      "has publications",
    );
  });

  it("should be the only one of which the store is asked", async () => {
    const { buckets, asked } = storeOf("warehouse/_publications/1.json");
    await requireOwnStore(ledgerOf(filled).ledger, buckets);
    expect(asked).toEqual([]);
  });
});
