/** A folder of backups: what is copied once, what looks like a backup, and what is recognised as damaged. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, symlinkSync, truncateSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { faultOfBackup } from "../../ingest/src/backup/backup.ts";
import { copyObjects } from "../../ingest/src/backup/copy.ts";
import { type Erased, erasedSince, requireFinished, withErasedRows } from "../../ingest/src/backup/erased.ts";
import {
  backupNames,
  beginBackup,
  finishBackup,
  type Manifest,
  nextName,
  openBackup,
  type Place,
  savedObjects,
} from "../../ingest/src/backup/folder.ts";
import { olderThan, removeBackups } from "../../ingest/src/backup/keep.ts";
import { requireKnown, requireSameBuckets } from "../../ingest/src/backup/restore.ts";
import { requireMetadata } from "../../ingest/src/backup/rows.ts";
import { objectPath, SharedObjects } from "../../ingest/src/backup/shared.ts";
import { inputError } from "../../ingest/src/errors.ts";
import type { Bucket, ListedObject } from "../../ingest/src/objects/bucket.ts";
import type { Report } from "../../ingest/src/report.ts";

let place: Place;
beforeEach(async () => {
  const path = await mkdtemp(join(tmpdir(), "reelhouse-backup-"));
  place = { path, hostPath: path };
});
afterEach(() => rm(place.path, { recursive: true }));

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

/** A bucket that holds texts; `fail`: what happens before a download. */
function bucketOf(contents: Map<string, string>, fail: (key: string) => void = () => undefined) {
  const downloads: string[] = [];
  const listed = (key: string): ListedObject => {
    const text = contents.get(key) ?? "";
    const identity = { etag: md5(text), byteCount: Buffer.byteLength(text), modifiedAt: new Date(0) };
    return { hostPath: `s3://bronze/${key}`, bucket: "bronze", key, ...identity };
  };
  const bucket: Bucket = {
    list: async () => [...contents.keys()].map(listed),
    hasAny: async () => contents.size > 0,
    find: async (key) => (contents.has(key) ? listed(key) : undefined),
    async download(object, file) {
      downloads.push(object.key);
      fail(object.key);
      const text = contents.get(object.key);
      if (text === undefined || md5(text) !== object.etag)
        throw inputError("another version", { file: object.hostPath });
      await writeFile(file, text);
    },
    upload: async () => undefined,
  };
  return { bucket, downloads };
}

const silent = () => undefined;
const report: Report = { info: silent, warn: silent, error: silent, progress: silent };

async function copy(bucket: Bucket) {
  const shared = await SharedObjects.open(place);
  const folder = await beginBackup(place);
  const buckets = new Map([["bronze", bucket]]);
  const copied = await copyObjects({ buckets, shared, folder, report, signal: new AbortController().signal });
  const saved = [];
  for await (const { key, sha256 } of savedObjects(folder)) saved.push(`${key} ${sha256}`);
  return { copied, saved: saved.sort() };
}
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe("objects", () => {
  it("should be copied once: the next backup copies what is new or replaced", async () => {
    const contents = new Map([
      ["a", "one"],
      ["b", "two"],
    ]);
    const { bucket, downloads } = bucketOf(contents);
    expect((await copy(bucket)).copied).toMatchObject({ count: 2, newCount: 2, newBytes: 6 });
    contents.set("b", "other").set("c", "");
    const second = await copy(bucket);
    expect(second.copied).toEqual({ count: 3, totalBytes: 8, newCount: 2, newBytes: 5 });
    expect(second.saved).toEqual([`a ${sha256("one")}`, `b ${sha256("other")}`, `c ${sha256("")}`]);
    expect(downloads.sort()).toEqual(["a", "b", "b", "c"]);
  });

  it("should not be copied again after a backup that broke, which looks like none", async () => {
    const contents = new Map([
      ["a", "one"],
      ["b", "two"],
    ]);
    const broken = bucketOf(contents, (key) => {
      if (key === "b") throw new Error("the store went away");
    });
    await expect(copy(broken.bucket)).rejects.toThrow("the store went away");
    expect(await backupNames(place)).toEqual([]);
    const { bucket, downloads } = bucketOf(contents);
    await copy(bucket);
    expect(downloads).toEqual(["b"]);
  });

  it("should be copied as they are now when they are replaced meanwhile, and left out when they are gone", async () => {
    const contents = new Map([
      ["gone", "one"],
      ["replaced", "two"],
    ]);
    const { bucket } = bucketOf(contents, (key) => {
      if (key === "gone") contents.delete(key);
      else contents.set(key, "three");
    });
    expect((await copy(bucket)).saved).toEqual([`replaced ${sha256("three")}`]);
  });

  it("should be refused with other bytes than their ETag says", async () => {
    const { bucket } = bucketOf(new Map([["a", "one"]]));
    const lying: Bucket = { ...bucket, download: (_, file) => writeFile(file, "eno") };
    await expect(copy(lying)).rejects.toThrow("other bytes than were stored");
  });

  it("should be told to have no room when the list of them has none", async () => {
    const shared = await SharedObjects.open(place);
    const folder = await beginBackup(place);
    symlinkSync("/dev/full", join(folder, "objects.ndjson"));
    // The disk refuses the list's first line while the second object is still on its way.
    const { bucket } = bucketOf(
      new Map([
        ["a", "one"],
        ["b", "two"],
      ]),
    );
    const slow: Bucket = {
      ...bucket,
      async download(object, file, signal) {
        if (object.key === "b") await new Promise((done) => setTimeout(done, 100));
        await bucket.download(object, file, signal);
      },
    };
    const { signal } = new AbortController();
    const buckets = new Map([["bronze", slow]]);
    const copying = copyObjects({ buckets, shared, folder, report, signal });
    await expect(copying).rejects.toMatchObject({ code: "ENOSPC" });
  });

  it("should be copied again where their file is cut off", async () => {
    const { bucket, downloads } = bucketOf(new Map([["a", "one"]]));
    await copy(bucket);
    const [file] = readdirSync(join(place.path, "objects"), { recursive: true }).filter((path) =>
      String(path).includes("-"),
    );
    truncateSync(join(place.path, "objects", String(file)), 1);
    await copy(bucket);
    expect(downloads).toEqual(["a", "a"]);
  });
});

describe("rows whose metadata is not copied", () => {
  const row = (catalog: string, key: string) => ({
    ...{ catalog, table: "gold.films", location: `s3a://bronze/${key}`, previous: null, isView: false },
  });
  const check = async (...rows: ReturnType<typeof row>[]) => {
    const folder = await beginBackup(place);
    const shared = await SharedObjects.open(place);
    const buckets = new Map([["bronze", bucketOf(new Map([["there", "one"]])).bucket]]);
    await copyObjects({ buckets, shared, folder, report, signal: new AbortController().signal });
    const warnings: string[] = [];
    await requireMetadata(folder, rows, { ...report, warn: (_, text) => warnings.push(text) });
    return warnings;
  };

  it("should be told where a branch has them: its table was dropped meanwhile", async () => {
    expect(await check(row("lakehouse", "there"), row("br_trial", "there"))).toEqual([]);
    expect(await check(row("lakehouse", "there"), row("br_trial", "gone"))).toEqual([
      expect.stringMatching(/^br_trial\.gold\.films: s3a:\/\/bronze\/gone is not on the store/),
    ]);
  });

  it("should let nothing that readers see be missing", async () => {
    await expect(check(row("lakehouse", "gone"))).rejects.toThrow("backup: lakehouse.gold.films:");
  });
});

const keepNewest = async (to: Place, count: number) => removeBackups(to, await olderThan(to, count));

const manifest: Manifest = {
  ...{ format: 1, name: "20260101T000000000Z", finishedAt: "", release: "2.0.0", publication: 1 },
  migrations: [
    { name: "001_a.sql", sha256: "a" },
    { name: "002_b.sql", sha256: "b" },
  ],
  catalog: { sha256: "", byteCount: 0 },
  objects: { sha256: "", byteCount: 0, count: 0, totalBytes: 0 },
};

describe("a backup of a stack with a prefix", () => {
  it.each([
    [undefined, ""],
    ["", ""],
    ["acme-", "acme-"],
  ])("should be restored with it: %s, '%s'", (storePrefix, own) => {
    requireSameBuckets({ ...manifest, ...(storePrefix === undefined ? {} : { storePrefix }) }, own);
  });

  it.each([
    [undefined, "acme-", "expected '', with which its tables were made, found 'acme-'"],
    ["acme-", "", "expected 'acme-', with which its tables were made, found ''"],
  ])("should not be restored with another one: %s, '%s'", (storePrefix, own, says) => {
    const backup = { ...manifest, ...(storePrefix === undefined ? {} : { storePrefix }) };
    expect(() => requireSameBuckets(backup, own)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining(says) }),
    );
  });
});

describe("old backups", () => {
  it("should leave with the objects that no other one has", async () => {
    const contents = new Map([
      ["a", "one"],
      ["b", "two"],
    ]);
    const { bucket, downloads } = bucketOf(contents);
    const names = ["20260101T000000000Z", "20260102T000000000Z", "20260103T000000000Z"];
    for (const name of names) {
      await copy(bucket);
      await finishBackup(place, { ...manifest, name });
      contents.set("b", name);
    }
    expect(await keepNewest(place, 2)).toEqual({ backups: [names[0]], objectCount: 1 });
    expect(await backupNames(place)).toEqual(names.slice(1));
    const { folder } = await openBackup(place, names[1]);
    for await (const object of savedObjects(folder))
      expect(existsSync(join(place.path, objectPath(object))), object.key).toBe(true);
    expect(downloads.sort()).toEqual(["a", "b", "b", "b"]);
  });

  it("should not stay in the place of the newest one when the clock was set back", async () => {
    await SharedObjects.open(place);
    const finish = async (now: string) => {
      const folder = await beginBackup(place);
      await writeFile(join(folder, "objects.ndjson"), "");
      const name = await nextName(place, new Date(now));
      await finishBackup(place, { ...manifest, name });
      return name;
    };
    const early = await finish("2027-12-31T23:59:59.999Z");
    const newest = await finish("2026-06-01T00:00:00.000Z");
    expect(newest).toBe("20280101T000000000Z");
    expect(await keepNewest(place, 1)).toEqual({ backups: [early], objectCount: 0 });
    expect(await openBackup(place)).toMatchObject({ name: newest });
    expect(await finish("2029-01-01T00:00:00.000Z")).toBe("20290101T000000000Z");
  });
});

describe("backups with rows that were erased since", () => {
  const erased: Erased = {
    erasedAt: "2026-02-01T00:00:00.000Z",
    sources: ["critics"],
    contentHashes: [sha256("Jane")],
    unfinished: [],
  };
  const data = "tables/bronze/critics-0123456789abcdef0123456789abcdef";
  /** Objects by their keys, as three backups have them one after another; the last one is the present. */
  const make = async (days: Record<string, string>[], erasedAt: (string | null | undefined)[] = []) => {
    for (const [day, objects] of days.entries()) {
      await copy(bucketOf(new Map(Object.entries(objects))).bucket);
      const at = day in erasedAt ? erasedAt[day] : undefined;
      await finishBackup(place, { ...manifest, name: `2026010${day + 1}T000000000Z`, erasedAt: at });
    }
  };
  const days = async (found: Promise<string[]>) => (await found).map((name) => Number(name.slice(6, 8)));

  it.each([
    ["an original", { "originals/critics/jane": "Jane" }, [1]],
    ["rows", { "rows/critics/jane-000.parquet": "Jane and others" }, [1]],
    ["rows in quarantine", { "quarantine/critics/jane.parquet": "Jane" }, [1]],
    ["rows that an earlier erasure rewrote", { [`${data}/data/a.parquet`]: "Jane" }, [1]],
    ["the delivery", { "provider/today.csv": "Jane" }, [1]],
    ["lists of files, which upkeep makes anew", { [`${data}/metadata/a.avro`]: "a" }, []],
    ["rows of another source", { "rows/critics_2/a-000.parquet": "a", "rows/box/a": "a" }, []],
    ["rows that stay", { "rows/critics/stays-000.parquet": "stays" }, []],
  ])("should be those that have what the newest has not: %s", async (_what, objects, expected) => {
    const present = { "rows/critics/stays-000.parquet": "stays" };
    await make([objects, present, present]);
    expect(await days(withErasedRows(place, erased))).toEqual(expected);
    expect(await withErasedRows(place, { ...erased, sources: [] }), "nothing was erased").toEqual([]);
  });

  it("should be none that knew of the newest erasure: what it lost since was no erasure", async () => {
    const jane = { "rows/critics/jane": "Jane" };
    await make([jane, jane, jane, {}], [undefined, null, erased.erasedAt, erased.erasedAt]);
    expect(await days(withErasedRows(place, erased))).toEqual([1, 2]);
  });

  it("should leave with all that held the rows, and no other backup", async () => {
    const before = { "rows/critics/a": "stays" };
    await make([
      before,
      { ...before, "originals/critics/jane": "Jane", "warehouse/1": "Jane in silver" },
      before,
    ]);
    const goes = await withErasedRows(place, erased);
    expect(await removeBackups(place, goes)).toEqual({ backups: goes, objectCount: 2 });
    expect(await days(backupNames(place))).toEqual([1, 3]);
    const files = readdirSync(join(place.path, "objects"), { recursive: true, withFileTypes: true });
    const left = files.filter((file) => file.isFile()).map(({ name }) => name.split("-")[1]);
    expect(left).toEqual([sha256("stays")]);
  });

  it("should be told when one is put back, where its folder knows of the erasure", async () => {
    await make([{}, {}, {}, {}], [undefined, null, "2026-01-01T00:00:00.000Z", erased.erasedAt]);
    const told = (day: number) => erasedSince(place, `2026010${day}T000000000Z`);
    for (const day of [1, 2, 3]) expect(await told(day), `${day}`).toBe(erased.erasedAt);
    expect(await told(4)).toBeUndefined();
  });

  it("should not go before the erasure is finished: the new backup would have the rows", () => {
    requireFinished(erased);
    expect(() => requireFinished({ ...erased, unfinished: ["critics"] })).toThrow(
      "an erasure from critics is not finished",
    );
  });
});

describe("a backup", () => {
  it("should have a name when it is whole, and take the place of an unfinished one", async () => {
    const unfinished = await beginBackup(place);
    await writeFile(join(unfinished, "left"), "");
    expect(await backupNames(place)).toEqual([]);
    await beginBackup(place);
    await finishBackup(place, manifest);
    expect(await backupNames(place)).toEqual([manifest.name]);
    expect(existsSync(join(place.path, manifest.name, "left"))).toBe(false);
    expect(await openBackup(place)).toEqual({ ...manifest, folder: join(place.path, manifest.name) });
  });

  it("should say that its own disk is full, whatever met it", () => {
    const full = Object.assign(new Error("write"), { code: "ENOSPC" });
    const told = inputError("download", { file: "a", cause: full });
    expect(faultOfBackup(place, told)).toMatchObject({
      message: `backup ${place.hostPath}: no space left for it`,
    });
    const other = new Error("the store went away");
    expect(faultOfBackup(place, other)).toBe(other);
  });

  it("should be damaged without a manifest that can be read", async () => {
    await beginBackup(place);
    await finishBackup(place, manifest);
    await writeFile(join(place.path, manifest.name, "manifest.json"), "{");
    await expect(openBackup(place)).rejects.toThrow("the backup is damaged");
  });

  it.each([
    ["the same schema", manifest.migrations, undefined],
    ["an older schema", [...manifest.migrations, { name: "003_c.sql", sha256: "c" }], undefined],
    ["a newer schema", manifest.migrations.slice(0, 1), "does not know its migration 002_b.sql"],
    ["another schema", [{ name: "001_a.sql", sha256: "x" }], "does not know its migration 001_a.sql"],
  ])("should be known by a release: %s", (_what, own, refusal) => {
    if (refusal === undefined) requireKnown(manifest, own);
    else expect(() => requireKnown(manifest, own)).toThrow(refusal);
  });
});
