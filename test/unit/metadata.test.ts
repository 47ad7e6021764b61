/** The metadata of a publication: readers see one change, at the publication's time, and nothing of the build. */
import { describe, expect, it } from "vitest";
import { parseExactly, stringifyExactly } from "../../ingest/src/json.ts";
import {
  columnsOf,
  derivePublished,
  manifestListOf,
  nextMetadataLocation,
  recordedRowCount,
  stateOf,
  type TableMetadata,
  withState,
} from "../../ingest/src/publish/metadata.ts";

const publication = { id: 7, publishedAtMs: 5000 };
const base: TableMetadata = {
  "table-uuid": "5c8d2a3e-0000-4000-8000-000000000001",
  "current-snapshot-id": 11n,
  "current-schema-id": 0,
  "default-spec-id": 0,
  "default-sort-order-id": 0,
  schemas: [{ "schema-id": 0, fields: [{ name: "film", type: "string" }] }],
  "partition-specs": [{ "spec-id": 0 }],
  "sort-orders": [{ "order-id": 0 }],
  snapshots: [
    {
      "snapshot-id": 11n,
      "manifest-list": "s3://w/t/metadata/snap-11.avro",
      summary: { "total-records": "3" },
    },
  ],
  properties: { comment: "a film" },
  "last-updated-ms": 1000,
  "snapshot-log": [{ "snapshot-id": 11n, "timestamp-ms": 1000 }],
  "metadata-log": [{ "metadata-file": "s3://w/t/metadata/00000-a.metadata.json", "timestamp-ms": 900 }],
  refs: { main: { "snapshot-id": 11n, type: "branch" }, pub_6: { "snapshot-id": 11n, type: "tag" } },
};
const tested: TableMetadata = {
  ...base,
  "current-snapshot-id": 13n,
  "current-schema-id": 1,
  "default-spec-id": 1,
  "default-sort-order-id": 1,
  schemas: [
    ...base.schemas,
    {
      "schema-id": 1,
      fields: [
        { name: "film", type: "string" },
        { name: "tags", type: { type: "list", element: "string" } },
      ],
    },
  ],
  "partition-specs": [{ "spec-id": 0 }, { "spec-id": 1 }],
  "sort-orders": [{ "order-id": 0 }, { "order-id": 1 }],
  snapshots: [
    ...(base.snapshots ?? []),
    { "snapshot-id": 12n, "manifest-list": "s3://w/t/metadata/snap-12.avro" },
    {
      "snapshot-id": 13n,
      "manifest-list": "s3://w/t/metadata/snap-13.avro",
      summary: { "total-records": "4" },
    },
  ],
  "last-updated-ms": 3000,
  "snapshot-log": [
    { "snapshot-id": 11n, "timestamp-ms": 1000 },
    { "snapshot-id": 12n, "timestamp-ms": 2000 },
    { "snapshot-id": 13n, "timestamp-ms": 3000 },
  ],
  refs: { ...base.refs, main: { "snapshot-id": 13n, type: "branch" } },
  properties: { comment: "one row per film" },
};
const baseVersion = { location: "s3://w/t/metadata/00001-b.metadata.json", metadata: base };

describe("derivePublished", () => {
  it("should replace the build's own history by one entry at the publication's time", () => {
    const published = derivePublished(tested, baseVersion, publication);
    expect(published["snapshot-log"]).toEqual([
      { "snapshot-id": 11n, "timestamp-ms": 1000 },
      { "snapshot-id": 13n, "timestamp-ms": 5000 },
    ]);
    expect(published["last-updated-ms"]).toBe(5000);
    expect(published.properties).toEqual({ comment: "one row per film" });
  });

  it("should tag what it publishes and keep the tags of earlier publications", () => {
    expect(derivePublished(tested, baseVersion, publication).refs).toMatchObject({
      main: { "snapshot-id": 13n },
      pub_6: { "snapshot-id": 11n, type: "tag" },
      pub_7: { "snapshot-id": 13n, type: "tag" },
    });
  });

  it("should follow what the lakehouse served, not what the branch went through", () => {
    expect(derivePublished(tested, baseVersion, publication)["metadata-log"]).toEqual([
      { "metadata-file": "s3://w/t/metadata/00000-a.metadata.json", "timestamp-ms": 900 },
      { "metadata-file": "s3://w/t/metadata/00001-b.metadata.json", "timestamp-ms": 1000 },
    ]);
  });

  it("should begin the history of a new table", () => {
    const published = derivePublished(tested, undefined, publication);
    expect(published["snapshot-log"]).toEqual([{ "snapshot-id": 13n, "timestamp-ms": 5000 }]);
    expect(published["metadata-log"]).toEqual([]);
  });

  it("should have one entry and one tag of an unchanged table too", () => {
    const published = derivePublished(base, baseVersion, publication);
    expect(published["snapshot-log"]).toEqual([
      { "snapshot-id": 11n, "timestamp-ms": 1000 },
      { "snapshot-id": 11n, "timestamp-ms": 5000 },
    ]);
    expect(published.refs?.pub_7).toEqual({ "snapshot-id": 11n, type: "tag" });
  });

  it("should leave a table without a snapshot without one", () => {
    const empty: TableMetadata = { ...base, "current-snapshot-id": -1, "snapshot-log": [], refs: {} };
    expect(derivePublished(empty, undefined, publication).refs).toEqual({});
  });
});

describe("withState", () => {
  it("should make a later version what an earlier publication was, and keep all history", () => {
    const restored = withState(tested, stateOf(base));
    expect(stateOf(restored)).toEqual(stateOf(base));
    expect(restored.refs?.main).toEqual({ "snapshot-id": 11n, type: "branch" });
    expect(restored.refs?.pub_6).toEqual({ "snapshot-id": 11n, type: "tag" });
    expect(restored.schemas).toEqual(tested.schemas);
    expect(restored.snapshots).toEqual(tested.snapshots);
    expect(columnsOf(restored)).toEqual([{ name: "film", type: "string" }]);
    expect(recordedRowCount(restored)).toBe(3);
    expect(manifestListOf(restored)).toBe("s3://w/t/metadata/snap-11.avro");
  });

  it("should be undone by the later state", () => {
    const restored = withState(tested, stateOf(base));
    expect(withState(restored, stateOf(tested))).toEqual(tested);
  });

  it("should make a table without a snapshot of one", () => {
    const restored = withState(tested, { ...stateOf(base), snapshotId: null });
    expect(restored["current-snapshot-id"]).toBe(-1);
    expect(restored.refs).not.toHaveProperty("main");
  });

  it.each([
    [{ snapshots: tested.snapshots?.slice(1) }, "snapshot 11 was collected"],
    [{ schemas: tested.schemas.slice(1) }, "schema 0 was collected"],
    [{ "partition-specs": tested["partition-specs"].slice(1) }, "partition spec 0 was collected"],
    [{ "sort-orders": tested["sort-orders"].slice(1) }, "sort order 0 was collected"],
  ])("should say what was collected: %#", (collected, says) => {
    expect(() => withState({ ...tested, ...collected } as TableMetadata, stateOf(base))).toThrow(says);
  });
});

describe("columnsOf", () => {
  it("should spell nested types as JSON", () => {
    expect(columnsOf(tested)).toEqual([
      { name: "film", type: "string" },
      { name: "tags", type: '{"type":"list","element":"string"}' },
    ]);
  });
});

describe("metadata files", () => {
  it("should keep snapshot ids that no double can hold", () => {
    const text = '{"current-snapshot-id":166830470068821003,"last-updated-ms":1}';
    expect(stringifyExactly(parseExactly(text))).toBe(text);
  });

  it("should count the version on under a new name", () => {
    expect(nextMetadataLocation("s3://w/t/metadata/00009-old.metadata.json", "new")).toBe(
      "s3://w/t/metadata/00010-new.metadata.json",
    );
    expect(() => nextMetadataLocation("s3://w/t/metadata/v1.metadata.json", "new")).toThrow("expected");
  });
});

describe("the number of rows", () => {
  it("should leave out those that were deleted and are still in their files", () => {
    const summary = { "total-records": "10", "total-position-deletes": "4" };
    const snapshots = base.snapshots?.map((snapshot) => ({ ...snapshot, summary }));
    expect(recordedRowCount({ ...base, snapshots: snapshots ?? [] })).toBe(6);
  });
});
