/** Objects of the store into a folder of backups: those that are there already are not downloaded again. */
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { Background } from "../background.ts";
import { isRefusal, serviceError } from "../errors.ts";
import type { Bucket, ListedObject } from "../objects/bucket.ts";
import { byteText } from "../progress.ts";
import type { Report } from "../report.ts";
import { objectsFile, type SavedObject, sealOf } from "./folder.ts";
import type { SharedObjects } from "./shared.ts";

export interface CopyTools {
  /** By name: every bucket that a backup has. */
  buckets: ReadonlyMap<string, Bucket>;
  shared: SharedObjects;
  /** Of the backup that is being written. */
  folder: string;
  report: Report;
  signal: AbortSignal;
}

export interface Copied {
  count: number;
  totalBytes: number;
  /** Of these, what no earlier backup had. */
  newCount: number;
  newBytes: number;
}

/** A store takes longer to answer for a small object than to send it. */
const downloadsAtOnce = 8;

/** Copies every object that is listed, and writes the list of what the backup has. */
export async function copyObjects({ buckets, ...tools }: CopyTools): Promise<Copied> {
  const listed: ListedObject[] = [];
  for (const bucket of buckets.values()) listed.push(...(await bucket.list("", { recursive: true })));
  const list = createWriteStream(join(tools.folder, objectsFile), { flush: true });
  const listWritten = finished(list);
  // It may break long before it is waited for: on a full disk the process would end there.
  listWritten.catch(() => undefined);
  const copied: Copied = { count: 0, totalBytes: 0, newCount: 0, newBytes: 0 };
  const work = new Background(downloadsAtOnce);
  const note = ({ isNew, ...object }: CopiedObject) => {
    list.write(`${JSON.stringify(object)}\n`);
    copied.count += 1;
    copied.totalBytes += object.byteCount;
    if (!isNew) return;
    copied.newCount += 1;
    copied.newBytes += object.byteCount;
    const done = `${copied.count} of ${listed.length} objects, ${byteText(copied.newBytes)} copied`;
    tools.report.progress(done, { ...copied, all: listed.length });
  };
  try {
    for (const [index, object] of listed.entries()) {
      await work.room();
      tools.signal.throwIfAborted();
      const bucket = buckets.get(object.bucket) as Bucket;
      work.start(async () => {
        const saved = await saveNewest(object, { ...tools, bucket, draft: join(tools.folder, `${index}`) });
        if (saved) note(saved);
      });
    }
    await work.done();
  } finally {
    await work.settled();
    list.end();
    await listWritten;
  }
  return copied;
}

type CopiedObject = SavedObject & { isNew: boolean };

type SaveTools = Omit<CopyTools, "buckets"> & {
  bucket: Bucket;
  /** A path for the file while it is not whole. */
  draft: string;
};

/**
 * What is there now, where the object was replaced since it was listed; undefined where it is gone. Nothing that the
 * catalog names is replaced, nor collected while a backup works.
 */
async function saveNewest(object: ListedObject, tools: SaveTools): Promise<CopiedObject | undefined> {
  try {
    return await save(object, tools);
  } catch (error) {
    // Another version than was listed.
    if (!isRefusal(error)) throw error;
    const newest = await tools.bucket.find(object.key);
    if (newest !== undefined) return saveNewest(newest, tools);
    tools.report.info("gone", `${object.hostPath}: removed while the backup was at work, left out`);
    return undefined;
  }
}

async function save(
  object: ListedObject,
  { bucket, shared, draft, signal }: SaveTools,
): Promise<CopiedObject> {
  const known = await shared.find(object);
  if (known !== undefined) return { ...savedAs(object, known), isNew: false };
  try {
    await bucket.download(object, draft, signal);
    const { sha256, md5 } = await sealOf(draft);
    // Of an object that was put in one piece the ETag is the MD5 of its bytes.
    if (/^[0-9a-f]{32}$/.test(object.etag) && object.etag !== md5)
      throw serviceError("store", `download ${object.hostPath}`, new Error("other bytes than were stored"));
    await shared.add(object, sha256, draft);
    return { ...savedAs(object, sha256), isNew: true };
  } finally {
    await rm(draft, { force: true });
  }
}

const savedAs = (
  { bucket, key, byteCount, etag, modifiedAt }: ListedObject,
  sha256: string,
): SavedObject => ({
  ...{ bucket, key, byteCount, etag, sha256 },
  modifiedAt: modifiedAt.toISOString(),
});
