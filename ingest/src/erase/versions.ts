/** Objects that go with every version of theirs: nothing brings them back. */
import { batchFolders, stackBuckets } from "../buckets.ts";
import type { ObjectName } from "../maintain/files.ts";
import { isTableObject, tablePlaces } from "../maintain/sweep.ts";
import { type StoredVersion, splitLocation, type UpkeepStore } from "../store.ts";

const versionsPerRequest = 1000;

/** All that nobody reads in the tables' folders, deleted before or not. Answers how many versions that were. */
export async function removeDeadVersions(
  store: UpkeepStore,
  live: ReadonlySet<ObjectName>,
  signal: AbortSignal,
): Promise<number> {
  let count = 0;
  for (const { bucket, prefix } of tablePlaces) {
    const isDead = ({ key }: StoredVersion) => isTableObject(key) && !live.has(`${bucket}/${key}`);
    count += await removeSome(store, { bucket, prefix, isDead }, signal);
  }
  return count;
}

/** These objects. Answers how many versions that were. */
export async function removeWhole(
  store: UpkeepStore,
  locations: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  let count = 0;
  for (const location of new Set(locations)) {
    const { bucket, key } = splitLocation(location);
    count += await removeSome(store, { bucket, prefix: key, isDead: (one) => one.key === key }, signal);
  }
  return count;
}

/**
 * What loads of these sources wrote and nobody needs: parts of files that were refused half way, readings that never
 * counted, objects that were rewritten since. `kept`: what tables read, and what the ledger goes on with.
 */
export async function removeLeftovers(
  store: UpkeepStore,
  sources: readonly string[],
  kept: ReadonlySet<ObjectName>,
  signal: AbortSignal,
): Promise<number> {
  let count = 0;
  for (const source of sources) {
    for (const prefix of batchFolders(source)) {
      const place = { bucket: stackBuckets.bronze, prefix };
      const isDead = ({ key }: StoredVersion) => !kept.has(`${place.bucket}/${key}`);
      count += await removeSome(store, { ...place, isDead }, signal);
    }
  }
  return count;
}

/** Listed first, then removed: a listing must not lose its place. */
async function removeSome(
  store: UpkeepStore,
  { bucket, prefix, isDead }: { bucket: string; prefix: string; isDead: (one: StoredVersion) => boolean },
  signal: AbortSignal,
): Promise<number> {
  const dead: StoredVersion[] = [];
  for await (const version of store.listVersions(bucket, prefix)) if (isDead(version)) dead.push(version);
  for (let start = 0; start < dead.length; start += versionsPerRequest) {
    signal.throwIfAborted();
    await store.removeVersions(bucket, dead.slice(start, start + versionsPerRequest));
  }
  return dead.length;
}
