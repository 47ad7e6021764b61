/** The metadata of a publication: readers see one change, at the publication's time, and nothing of the build. */
import { describe, expect, it } from "vitest";
import { parseExactly, stringifyExactly } from "../../ingest/src/json.ts";
import {
  derivePublished,
  nextMetadataLocation,
  type TableMetadata,
} from "../../ingest/src/publish/metadata.ts";

const publication = { id: 7, publishedAtMs: 5000 };
const base: TableMetadata = {
  "current-snapshot-id": 11n,
  "last-updated-ms": 1000,
  "snapshot-log": [{ "snapshot-id": 11n, "timestamp-ms": 1000 }],
  "metadata-log": [{ "metadata-file": "s3://w/t/metadata/00000-a.metadata.json", "timestamp-ms": 900 }],
  refs: { main: { "snapshot-id": 11n, type: "branch" }, pub_6: { "snapshot-id": 11n, type: "tag" } },
};
const tested: TableMetadata = {
  ...base,
  "current-snapshot-id": 13n,
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

  it("should not say that an unchanged table changed", () => {
    const published = derivePublished(base, baseVersion, publication);
    expect(published["snapshot-log"]).toEqual(base["snapshot-log"]);
    expect(published.refs?.pub_7).toEqual({ "snapshot-id": 11n, type: "tag" });
  });

  it("should leave a table without a snapshot without one", () => {
    const empty: TableMetadata = { "current-snapshot-id": -1, "last-updated-ms": 1, refs: {} };
    expect(derivePublished(empty, undefined, publication).refs).toEqual({});
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
