import { describe, expect, it } from "vitest";
import { FileLists } from "../../ingest/src/maintain/files.ts";
import { measure } from "../../ingest/src/maintain/health.ts";
import { type KeptVersion, liveObjects } from "../../ingest/src/maintain/live.ts";
import type { CatalogTable } from "../../ingest/src/maintain/survey.ts";
import type { TableMetadata } from "../../ingest/src/publish/metadata.ts";
import type { UpkeepStore } from "../../ingest/src/store.ts";
import { type Entry, manifest, manifestList } from "../fixtures/avro.ts";

const folder = "s3://warehouse/gold/films-1";
const at = (name: string) => `${folder}/${name}`;
const listOf = (id: number) => at(`metadata/snap-${id}.avro`);

/** A store with what each snapshot consists of: its manifests, each with its files. */
function storeOf(snapshots: Record<number, Record<string, (string | Entry)[]>>) {
  const objects = new Map<string, Buffer>();
  const put = (location: string, bytes: Buffer) => objects.set(location.replace("s3://", ""), bytes);
  for (const [id, manifests] of Object.entries(snapshots)) {
    put(listOf(Number(id)), manifestList(Object.keys(manifests).map((name) => at(`metadata/${name}`))));
    for (const [name, files] of Object.entries(manifests)) {
      const entries = files.map((file) => (typeof file === "string" ? { path: file } : file));
      put(
        at(`metadata/${name}`),
        manifest(entries.map((entry) => ({ ...entry, path: at(`data/${entry.path}`) }))),
      );
      for (const { path } of entries) put(at(`data/${path}`), Buffer.from("rows"));
    }
  }
  const getBytes = async (bucket: string, key: string) => {
    const bytes = objects.get(`${bucket}/${key}`);
    if (bytes === undefined) throw new Error(`no ${key}`);
    return bytes;
  };
  const store = { getBytes, getText: async (...place: [string, string]) => String(await getBytes(...place)) };
  return { objects, put, store: store as unknown as UpkeepStore };
}

const metadataOf = (current: number, ...ids: number[]): TableMetadata => ({
  "table-uuid": "u",
  "current-snapshot-id": current,
  "current-schema-id": 0,
  "default-spec-id": 0,
  "default-sort-order-id": 0,
  "last-updated-ms": 0,
  schemas: [],
  "partition-specs": [],
  "sort-orders": [],
  snapshots: ids.map((id) => ({ "snapshot-id": id, "manifest-list": listOf(id) })),
  statistics: ids.map((id) => ({ "snapshot-id": id, "statistics-path": at(`metadata/${id}.stats`) })),
});

const row = (catalog: string, metadata: TableMetadata): CatalogTable => ({
  ...{
    catalog,
    table: "gold.films",
    location: at(`metadata/${catalog}.json`),
    previous: null,
    isView: false,
  },
  metadata,
});

/** The names in the table's folder that somebody reads. */
async function liveIn(
  { store, objects }: ReturnType<typeof storeOf>,
  tables: CatalogTable[],
  { dropped = [], versions = [] }: { dropped?: string[]; versions?: KeptVersion[] } = {},
): Promise<string[]> {
  const roots = {
    named: tables.map(({ location }) => location),
    tables,
    versions,
    dropped: new Set(dropped),
  };
  const exists = async (name: string) => objects.has(name);
  const live = await liveObjects(roots, { store, lists: new FileLists(store), exists });
  return [...live].map((name) => name.replace("warehouse/gold/films-1/", "")).sort();
}

/** Two snapshots that share a manifest; a third one of a branch, made from the first. */
const shared = () =>
  storeOf({
    1: { "m1.avro": ["a", "b"] },
    2: { "m1.avro": ["a", "b"], "m2.avro": ["c", { path: "gone", status: 2 }] },
    3: { "m1.avro": ["a", "b"], "m3.avro": ["d"] },
  });
const ofSecond = [
  ...["data/a", "data/b", "data/c", "metadata/2.stats", "metadata/lakehouse.json"],
  ...["metadata/m1.avro", "metadata/m2.avro", "metadata/snap-2.avro"],
];

describe("what somebody reads", () => {
  it("should be all that the lakehouse lists, without what a manifest takes out", async () => {
    const live = await liveIn(shared(), [row("lakehouse", metadataOf(2, 2))]);
    expect(live).toEqual(ofSecond);
  });

  it("should have what a branch shows, though it left the lakehouse, and not what it lists beside that", async () => {
    const tables = [row("lakehouse", metadataOf(2, 2)), row("br_x", metadataOf(3, 1, 3))];
    const live = await liveIn(shared(), tables, { dropped: ["1"] });
    expect(live).toEqual(
      [
        ...ofSecond,
        "data/d",
        "metadata/3.stats",
        "metadata/br_x.json",
        "metadata/m3.avro",
        "metadata/snap-3.avro",
      ].sort(),
    );
    // Unchanged since its fork: the very snapshot that left.
    const unchanged = [row("lakehouse", metadataOf(2, 2)), row("br_x", metadataOf(1, 1))];
    expect(await liveIn(shared(), unchanged, { dropped: ["1"] })).toContain("metadata/snap-1.avro");
  });

  it("should pass over a branch's past that an earlier upkeep took, or half of it", async () => {
    for (const taken of ["snap-1.avro", "m1.avro"]) {
      const store = storeOf({ 1: { "m1.avro": ["a"] }, 3: { "m3.avro": ["d"] } });
      store.objects.delete(`warehouse/gold/films-1/metadata/${taken}`);
      const live = await liveIn(store, [row("br_x", metadataOf(3, 1, 3))]);
      expect(live).toContain("data/d");
      expect(live).not.toContain("data/a");
    }
  });

  it("should have the tables of kept publications that the lakehouse has no more", async () => {
    const store = shared();
    store.put(at("metadata/old.json"), Buffer.from(JSON.stringify(metadataOf(1, 1))));
    const version = {
      publication: 4,
      table: "gold.films",
      location: at("metadata/old.json"),
      newest: at("metadata/newest.json"),
    };
    const live = await liveIn(store, [], { versions: [{ ...version, snapshotId: "1" }] });
    expect(live).toEqual(
      [
        ...["data/a", "data/b", "metadata/1.stats", "metadata/m1.avro", "metadata/snap-1.avro"],
        ...["metadata/old.json", "metadata/newest.json"],
      ].sort(),
    );
  });

  it.each(["metadata/snap-2.avro", "metadata/m2.avro", "data/c"])(
    "should end everything when a part of it is missing: %s",
    async (missing) => {
      const store = shared();
      store.objects.delete(`warehouse/gold/films-1/${missing}`);
      const running = liveIn(store, [row("lakehouse", metadataOf(2, 2))]);
      await expect(running).rejects.toThrow(`${missing} is not on the store; nothing was removed`);
    },
  );
});

describe("the health of a table", () => {
  it("should be measured from its current files, and their partitions", async () => {
    const many = Array.from({ length: 8 }, (_, index) => ({ path: `f${index}`, byteCount: 100 }));
    const { store } = storeOf({ 1: { "m1.avro": many, "m2.avro": [{ path: "d", isDeletes: true }] } });
    const version = { location: at("metadata/x.json"), metadata: metadataOf(1, 1) };
    expect(await measure(new FileLists(store), version)).toMatchObject({
      files: 8,
      bytes: 810,
      smallFiles: 8,
      deleteFiles: 1,
      manifests: 2,
      snapshots: 1,
      hasStatistics: true,
    });
    const { statistics: _, ...bare } = version.metadata;
    const few = storeOf({ 1: { "m1.avro": many.slice(1) } });
    expect(await measure(new FileLists(few.store), { ...version, metadata: bare })).toMatchObject({
      smallFiles: 0,
      hasStatistics: false,
    });
  });
});
