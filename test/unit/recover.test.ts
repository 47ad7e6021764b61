/** The catalog from the object store alone: which files are the newest, and what the ledger must have said. */
import { describe, expect, it } from "vitest";
import type { Database } from "../../ingest/src/catalog.ts";
import { batchIdOf } from "../../ingest/src/ledger.ts";
import type { ListedObject } from "../../ingest/src/objects/bucket.ts";
import { bronzePointers, candidates } from "../../ingest/src/recover/bronze.ts";
import { fillLedger } from "../../ingest/src/recover/fill-ledger.ts";
import { type CountedBatch, contentsOf, recoverBatches } from "../../ingest/src/recover/ledger.ts";
import { readManifests } from "../../ingest/src/recover/publications.ts";
import { erasedSources, recoverCatalog } from "../../ingest/src/recover/recover.ts";
import {
  requireFilesOfCatalog,
  requireOwnBuckets,
  requireOwnStore,
  requireRecovered,
} from "../../ingest/src/recover/state.ts";
import type { Settings } from "../../ingest/src/settings.ts";
import { startStore } from "../fixtures/s3.ts";

const uuid = "0123456789abcdef0123456789abcdef";
const location = (table: string, version: string, of = uuid) =>
  `s3://bronze/tables/bronze/${table}-${of}/metadata/${version}.metadata.json`;

/** As Trino writes them: it names who asked only where it writes rows. */
const summaries = {
  ingest: { operation: "append", trino_user: "ingest" },
  add_files: { operation: "append" },
  maintenance: { operation: "overwrite", trino_user: "maintenance" },
  optimize_manifests: { operation: "replace" },
};

interface Version {
  /** What made each snapshot, by its number; the last one is current. */
  snapshots: Record<number, keyof typeof summaries>;
  writtenMs?: number;
}

/** Finds the tables of bronze among these versions, by `table/number-name`; answers where each is. */
async function found(versions: Record<string, Version>, published: string[]): Promise<string[]> {
  const place = (name: string) => location(...(name.split("/") as [string, string]));
  const texts = new Map(
    Object.entries(versions).map(([name, { snapshots, writtenMs = 0 }]) => [
      place(name),
      JSON.stringify({
        "last-updated-ms": writtenMs,
        "current-snapshot-id": Number(Object.keys(snapshots).at(-1) ?? -1),
        snapshots: Object.entries(snapshots).map(([id, what]) => ({
          "snapshot-id": Number(id),
          summary: summaries[what],
        })),
      }),
    ]),
  );
  const list = async () => [...texts.keys()].map((hostPath) => ({ hostPath }) as ListedObject);
  const getText = async (bucket: string, key: string) => texts.get(`s3://${bucket}/${key}`) ?? "";
  const pointers = published.map((name) => ({
    ...{ table_namespace: "bronze", table_name: name.split("/")[0] ?? "", iceberg_type: "TABLE" },
    ...{ metadata_location: place(name), previous_metadata_location: null },
  }));
  const bronze = await bronzePointers({ getText }, { list }, pointers);
  return bronze.map(
    ({ metadata_location }) =>
      /([^/]+)-[0-9a-f]{32}\/metadata\/(.*)\.metadata/.exec(metadata_location)?.slice(1).join("/") ?? "",
  );
}

describe("a table of bronze", () => {
  const load = "ingest" as const;
  const upkeep = "maintenance" as const;
  const files = "add_files" as const;
  const lists = "optimize_manifests" as const;
  const base = { "critics/00001-a": { snapshots: { 1: load } } };

  it("should be what was published, or what loads added to it", async () => {
    expect(await found(base, ["critics/00001-a"])).toEqual(["critics/00001-a"]);
    for (const by of [load, files]) {
      const added = { "critics/00002-b": { snapshots: { 1: load, 2: by } } };
      expect(await found({ ...base, ...added }, ["critics/00001-a"])).toEqual(["critics/00002-b"]);
    }
  });

  it("should not be what an erasure that was killed before its publication made on its fork", async () => {
    const killed = {
      "critics/00002-b": { snapshots: { 1: load, 2: load } },
      // DELETE, optimize, and the statistics after it.
      "critics/00003-c": { snapshots: { 1: load, 2: load, 3: upkeep }, writtenMs: 3 },
      "critics/00004-d": { snapshots: { 1: load, 2: load, 3: upkeep, 4: upkeep }, writtenMs: 4 },
      "critics/00005-e": { snapshots: { 1: load, 2: load, 3: upkeep, 4: upkeep }, writtenMs: 5 },
      "critics/00006-f": { snapshots: { 1: load, 2: load, 3: upkeep, 4: upkeep, 5: lists }, writtenMs: 6 },
    };
    expect(await found({ ...base, ...killed }, ["critics/00001-a"])).toEqual(["critics/00002-b"]);
    expect(await found({ ...base, ...killed }, []), "nothing is published of it").toEqual([
      "critics/00002-b",
    ]);
    // What came after it has a lower number.
    const next = { "critics/00003-f": { snapshots: { 1: load, 2: load, 5: load }, writtenMs: 9 } };
    expect(await found({ ...base, ...killed, ...next }, ["critics/00001-a"])).toEqual(["critics/00003-f"]);
  });

  it("should not be what upkeep wrote for a publication that never was", async () => {
    const shorter = {
      "critics/00001-a": { snapshots: { 1: load, 2: load } },
      "critics/00002-b": { snapshots: { 2: load }, writtenMs: 9 },
    };
    expect(await found(shorter, ["critics/00001-a"])).toEqual(["critics/00001-a"]);
  });

  it("should be what upkeep published, and what came after it, be it a column", async () => {
    const published = {
      "critics/00005-e": { snapshots: { 1: load, 4: upkeep } },
      "critics/00006-f": { snapshots: { 1: load, 4: upkeep } },
    };
    expect(await found({ ...base, ...published }, ["critics/00005-e"])).toEqual(["critics/00006-f"]);
  });

  it("should be the last of its loads, also where the clock was set back or a commit was lost", async () => {
    const loads = {
      "critics/00002-b": { snapshots: { 1: load, 2: load }, writtenMs: 60 },
      "critics/00003-lost": { snapshots: { 1: load, 2: load, 3: load }, writtenMs: 10 },
      "critics/00003-c": { snapshots: { 1: load, 2: load, 4: load }, writtenMs: 11 },
    };
    expect(await found({ ...base, ...loads }, ["critics/00001-a"])).toEqual(["critics/00003-c"]);
  });

  it("should be found where upkeep has collected the file that was published", async () => {
    const later = { "critics/00004-d": { snapshots: { 1: load, 2: upkeep, 3: load } } };
    expect(await found(later, ["critics/00001-a"])).toEqual(["critics/00004-d"]);
  });

  it("should not be another table that had its name, and be there before it is published", () => {
    const other = location("critics", "00009-x", "f".repeat(32));
    const data = location("critics", "1").replace(/metadata.*/, "data/1.parquet");
    const all = [other, data, location("critics", "00002-b"), location("batches", "00000-a")];
    expect(candidates(all, new Map([["critics", location("critics", "00001-a")]]))).toEqual(
      new Map([
        ["critics", [[location("critics", "00002-b")]]],
        ["batches", [[location("batches", "00000-a")]]],
      ]),
    );
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

describe("an erasure that was not finished", () => {
  const erasure = {
    run_id: "run",
    batches: [{ source: "critics", batchId: content }],
    objects: ["s3://b/o"],
  };

  it("should be in the newest copy of a publication, and be known again", async () => {
    const copy = JSON.stringify({ erasures: [erasure] });
    const list = async () => [{ key: "_publications/3.json" } as ListedObject];
    const [newest] = await readManifests({ getText: async () => copy }, { list });
    expect(newest?.erasures).toEqual([erasure]);
    expect(erasedSources(newest?.erasures ?? [])).toEqual(["critics"]);
    const noted: unknown[] = [];
    const query = async (sql: string, values: unknown[]) => {
      if (sql.includes("insert into ledger.erasure")) noted.push(values[0]);
      return { rows: [] };
    };
    await fillLedger({ query } as unknown as Database, [], { schemas: [], erasures: newest?.erasures ?? [] });
    expect(noted).toEqual([JSON.stringify([erasure])]);
  });

  it("should be none in a copy of an earlier release", async () => {
    const list = async () => [{ key: "_publications/1.json" } as ListedObject];
    const [copy] = await readManifests({ getText: async () => "{}" }, { list });
    expect(copy).toMatchObject({ pointers: [], schemas: [], erasures: [] });
  });
});

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

describe("tables", () => {
  const tablesAt = (location?: string) => ({
    query: async () => ({ rows: location === undefined ? [] : [{ location }] }),
    end: async () => undefined,
  });
  const made = (bucket: string) =>
    `s3://${bucket}/tables/bronze/critics-${uuid}/metadata/00000-a.metadata.json`;

  it.each([
    ["", undefined],
    ["", made("bronze")],
    ["acme-", made("acme-bronze")],
    ["acme-", undefined],
  ])("should be used with the prefix that they were made with: '%s', %s", async (prefix, location) => {
    await requireOwnBuckets(tablesAt(location), prefix);
  });

  it.each([
    [
      "",
      "acme-bronze",
      "expected 'acme-', with which the tables were made, found ''",
      "set STORE_PREFIX=acme- in .env",
    ],
    [
      "acme-",
      "bronze",
      "expected '', with which the tables were made, found 'acme-'",
      "take STORE_PREFIX out of .env",
    ],
    ["acme-", "acme-2-bronze", "expected 'acme-2-'", "set STORE_PREFIX=acme-2- in .env"],
  ])("should be refused with another one: '%s' where they lie in %s", async (prefix, bucket, says, next) => {
    await expect(requireOwnBuckets(tablesAt(made(bucket)), prefix)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(says),
      next: expect.stringContaining(next),
    });
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
      list: async (prefix: string) => {
        asked.push(`${bucket}/${prefix}`);
        const listed = locations.filter((location) => location.startsWith(`${bucket}/${prefix}`));
        return listed.map((location) => ({ hostPath: `s3://${location}` }) as ListedObject);
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

  it("should start beside files of tables whose metadata is gone: nothing could be recovered from them", async () => {
    const remains = [
      `bronze/tables/bronze/t-${uuid}/data/1.parquet`,
      `bronze/tables/bronze/t-${uuid}/metadata/1.avro`,
    ];
    await requireOwnStore(ledgerOf(nothing).ledger, storeOf(...remains).buckets);
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

describe("a store that is another one than before", () => {
  const of = ({ hasTables, hasFiles }: Record<"hasTables" | "hasFiles", boolean>) =>
    requireFilesOfCatalog(
      { query: async () => ({ rows: [{ has_tables: hasTables }] }) } as unknown as Database,
      {
        bronze: { hasAny: async () => hasFiles },
        endpoint: "http://store:9000",
      },
    );

  it("should be refused beside a catalog with tables, with what to do", async () => {
    await expect(of({ hasTables: true, hasFiles: false })).rejects.toThrow(
      /the object store at http:\/\/store:9000 none of their files: set STORE and STORE_ENDPOINT/,
    );
  });

  it("should be taken where there is no table yet, or where it has files of tables", async () => {
    await of({ hasTables: false, hasFiles: false });
    await of({ hasTables: true, hasFiles: true });
  });
});
