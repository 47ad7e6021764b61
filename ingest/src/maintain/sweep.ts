/** Objects in the tables' folders that nobody reads any more: found by listing, removed in the end. */
import { stackBuckets } from "../buckets.ts";
import { exitCode, ReelhouseError } from "../errors.ts";
import type { StoredObject, UpkeepStore } from "../store.ts";
import type { ObjectName } from "./files.ts";

/** Where tables lie. */
export const tablePlaces = [
  { bucket: stackBuckets.warehouse, prefix: "" },
  { bucket: stackBuckets.bronze, prefix: "tables/" },
] as const;

/** What begins with `_` is no table: the copies of publications; but for the metadata of states as of one. */
export const isTableObject = (key: string) => !key.startsWith("_") || key.startsWith("_as_of/");

export type Listing = Map<ObjectName, StoredObject>;

/** Everything that lies in the tables' folders. Taken before the catalog is read: what comes later is none of it. */
export async function listTableObjects(store: UpkeepStore): Promise<Listing> {
  const listing: Listing = new Map();
  for (const { bucket, prefix } of tablePlaces)
    for await (const object of store.list(bucket, prefix))
      if (isTableObject(object.key)) listing.set(`${bucket}/${object.key}`, object);
  return listing;
}

/**
 * Whether an object is there. One that is not in the listing may have come since: it is looked up. Deliveries' objects,
 * which tables of bronze name, are never removed, and taken for there.
 */
export const existence = (store: UpkeepStore, listing: Listing) => async (name: ObjectName) => {
  if (listing.has(name)) return true;
  const bucket = name.slice(0, name.indexOf("/"));
  const key = name.slice(bucket.length + 1);
  if (!tablePlaces.some((place) => place.bucket === bucket && key.startsWith(place.prefix))) return true;
  for await (const object of store.list(bucket, key)) if (object.key === key) return true;
  return false;
};

/** What a sweep takes away, or would. */
export interface Orphans {
  objects: ObjectName[];
  bytes: number;
  /** Folders of tables that nobody names: all that is in them goes. */
  folders: string[];
}

/** `oldestMs`: what changed later is left alone, as somebody may just be writing it. */
export function orphansOf(listing: Listing, live: ReadonlySet<ObjectName>, oldestMs: number): Orphans {
  const dead = [...listing].filter(
    ([name, { modifiedAt }]) => !live.has(name) && modifiedAt.getTime() < oldestMs,
  );
  const objects = dead.map(([name]) => name);
  const used = new Set([...live].map(folderOf));
  const folders = [...new Set(objects.map(folderOf))].filter((folder) => !used.has(folder)).sort();
  return { objects, bytes: dead.reduce((sum, [, { byteCount }]) => sum + byteCount, 0), folders };
}

/** The table's folder: before `data` or `metadata`. */
export const folderOf = (name: ObjectName) => name.replace(/\/(data|metadata)\/.*$/, "/");

const objectsPerRequest = 1000;

/** `signal`: stops between two requests; what is left is found again. */
export async function removeObjects(
  store: UpkeepStore,
  names: readonly ObjectName[],
  signal: AbortSignal,
): Promise<void> {
  for (const [bucket, members] of Map.groupBy(names, (name) => name.slice(0, name.indexOf("/")))) {
    const keys = members.map((name) => name.slice(bucket.length + 1));
    if (!tablePlaces.some((place) => place.bucket === bucket))
      throw new ReelhouseError(`remove ${bucket}: no bucket of tables`, exitCode.failed);
    for (let start = 0; start < keys.length; start += objectsPerRequest) {
      signal.throwIfAborted();
      await store.remove(bucket, keys.slice(start, start + objectsPerRequest));
    }
  }
}
