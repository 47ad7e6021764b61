/**
 * Rows that are erased leave the lakehouse, and stay in the backups that were made before. Those are known by what they
 * have of the sources that lost rows and the newest backup has not.
 */
import { batchFolders, stackBuckets } from "../buckets.ts";
import { connectCatalog } from "../catalog.ts";
import { exitCode, ReelhouseError } from "../errors.ts";
import type { Settings } from "../settings.ts";
import { backupNames, openBackup, type Place, type SavedObject, savedObjects } from "./folder.ts";

export interface Erased {
  /** The newest erasure. Null: there was none, or one is not finished, and objects may still hold its rows. */
  erasedAt: string | null;
  /** Those that lost rows. */
  sources: string[];
  /** SHA-256 of the deliveries that lost rows: copies of them may lie in the bucket `landing`. */
  contentHashes: string[];
  /** Sources of erasures that were begun and not finished. */
  unfinished: string[];
}

export async function readErased(settings: Settings): Promise<Erased> {
  const backup = await connectCatalog(settings, "backup");
  try {
    const { rows: batches } = await backup.query(
      "select source, content_hash, erased_at from ledger.batch where erased_at is not null order by erased_at",
    );
    const { rows: begun } = await backup.query(
      `select distinct source from ledger.erasure, jsonb_to_recordset(batches) as erased (source text)
       where finished_at is null order by 1`,
    );
    const newest: Date | undefined = batches.at(-1)?.erased_at;
    return {
      erasedAt: begun.length > 0 ? null : (newest?.toISOString() ?? null),
      sources: [...new Set(batches.map(({ source }) => source))],
      contentHashes: batches.map(({ content_hash }) => content_hash),
      unfinished: begun.map(({ source }) => source),
    };
  } finally {
    await backup.end();
  }
}

/** Throws while the backup to come would have the rows itself. */
export function requireFinished({ unfinished }: Erased): void {
  if (unfinished.length === 0) return;
  throw new ReelhouseError(
    `backup --drop-erased: an erasure from ${unfinished.join(", ")} is not finished`,
    exitCode.failed,
    { next: "give its command once more: reelhouse erase" },
  );
}

/**
 * The backups, oldest first, that may hold rows which the newest one has lost. Memory: a name of some 150 bytes for each
 * object of these sources.
 */
export async function withErasedRows(place: Place, erased: Erased): Promise<string[]> {
  const names = await backupNames(place);
  const newest = names.pop();
  if (newest === undefined || erased.sources.length === 0) return [];
  const holds = holderOf(erased);
  let kept: Set<string> | undefined;
  const found: string[] = [];
  for (const name of names) {
    const { folder, erasedAt } = await openBackup(place, name);
    if (erased.erasedAt !== null && erasedAt === erased.erasedAt) continue;
    kept ??= new Set(await holdersIn((await openBackup(place, newest)).folder, holds));
    const isKept = (object: string) => kept?.has(object);
    if (!(await holdersIn(folder, holds)).every(isKept)) found.push(name);
  }
  return found;
}

/** By content: a store to which they were restored may have given them other ETags. */
async function holdersIn(folder: string, holds: (object: SavedObject) => boolean): Promise<string[]> {
  const found: string[] = [];
  for await (const object of savedObjects(folder))
    if (holds(object)) found.push(`${object.bucket}/${object.key} ${object.sha256}`);
  return found;
}

/**
 * Whether an object may hold rows of these sources as they were delivered. Silver and gold have none that bronze has not;
 * a table's own metadata says no more than its data.
 */
function holderOf({ sources, contentHashes }: Erased): (object: SavedObject) => boolean {
  const folders = sources.flatMap(batchFolders);
  const tables = [...sources, "quarantine"].map((table) => `tables/bronze/${table}-`);
  const hashes = new Set(contentHashes);
  return ({ bucket, key, sha256 }) => {
    if (hashes.has(sha256)) return true;
    if (bucket !== stackBuckets.bronze) return false;
    if (folders.some((folder) => key.startsWith(folder))) return true;
    const table = tables.find((start) => key.startsWith(start));
    return table !== undefined && /^[0-9a-f]{32}\/data\//.test(key.slice(table.length));
  };
}

/** What to say of a backup that is put back though it was made before the newest erasure that its folder knows of. */
export async function erasedSince(place: Place, name: string): Promise<string | undefined> {
  const [{ erasedAt: known }, { erasedAt }] = await Promise.all([openBackup(place), openBackup(place, name)]);
  if (known == null || (erasedAt != null && erasedAt >= known)) return undefined;
  return known;
}
