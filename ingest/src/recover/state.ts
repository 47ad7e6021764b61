/**
 * Whether the catalog is the one of what lies on the object store, and how far a recovery is: with pointers and without a
 * ledger, a load would take every file for new.
 */
import { setPrefix, stackBuckets, storePrefix } from "../buckets.ts";
import type { Database } from "../catalog.ts";
import { exitCode, ReelhouseError, usageError } from "../errors.ts";
import type { Bucket } from "../objects/bucket.ts";
import { manifestPrefix } from "../publish/manifest.ts";
import { candidates } from "./bronze.ts";

export const recoverCommand = "recover-catalog";

export async function recoveryState(ledger: Database): Promise<"empty" | "unfinished" | "filled"> {
  const { rows } = await ledger.query(
    `select branch.is_empty() as empty, (
         select finished_at is null from ledger.run where command = $1 order by started_at desc limit 1
     ) as unfinished`,
    [recoverCommand],
  );
  if (rows[0].empty) return "empty";
  return rows[0].unfinished === true ? "unfinished" : "filled";
}

/** Throws while a recovery waits to be finished. */
export async function requireRecovered(ledger: Database): Promise<void> {
  const state = await recoveryState(ledger);
  if (state === "empty") await endFruitless(ledger);
  if (state !== "unfinished") return;
  throw new ReelhouseError("the catalog is recovered in part: the ledger is missing", exitCode.failed, {
    next: "finish it: reelhouse recover-catalog",
  });
}

/** One that filled nothing is over: what is loaded now would be taken for recovered in part. */
async function endFruitless(ledger: Database): Promise<void> {
  await ledger.query(
    "update ledger.run set finished_at = now(), exit_code = $2 where command = $1 and finished_at is null",
    [recoverCommand, exitCode.failed],
  );
}

type OwnBucket = Pick<Bucket, "hasAny" | "list">;

/**
 * Throws where the catalog lacks what the store has: PostgreSQL's volume is lost, and a load would begin a second
 * lakehouse among the objects of the first one. A first load that was killed has left its claim in the ledger. Files
 * without a table's metadata are no table: nothing could be recovered from them.
 */
export async function requireOwnStore(
  ledger: Database,
  buckets: ReadonlyMap<string, OwnBucket>,
): Promise<void> {
  const { rows } = await ledger.query(
    "select branch.is_empty() as empty, not exists (select from branch.publication) as unpublished",
  );
  const { empty, unpublished } = rows[0];
  const has = (bucket: string, prefix: string) => buckets.get(bucket)?.hasAny(prefix);
  if (unpublished && (await has(stackBuckets.warehouse, manifestPrefix))) throw lostCatalog("publications");
  if (empty && (await hasTables(buckets.get(stackBuckets.bronze)))) throw lostCatalog("tables of bronze");
}

async function hasTables(bronze: OwnBucket | undefined): Promise<boolean> {
  const listed = (await bronze?.list("tables/", { recursive: true })) ?? [];
  const locations = listed.map(({ hostPath }) => hostPath);
  return candidates(locations, new Map()).size > 0;
}

/** Throws exit 2 where tables lie in buckets of other names: a load would begin a second lakehouse beside the first one. */
export async function requireOwnBuckets(ledger: Database, own = storePrefix): Promise<void> {
  const { rows } = await ledger.query(
    `select metadata_location as location from iceberg.iceberg_tables
     where catalog_name = 'lakehouse' and table_namespace = 'bronze' limit 1`,
  );
  const [, made = own] = /^s3:\/\/([^/]*)bronze\//.exec(rows[0]?.location ?? "") ?? [];
  if (made === own) return;
  throw usageError(
    `STORE_PREFIX: expected '${made}', with which the tables were made, found '${own}'; nothing was changed`,
    `${setPrefix(made)} again, then ./scripts/up: docs/object-store.md`,
  );
}

/**
 * Throws where the store has no file of any table of bronze that the catalog has: it is another one than before. That one
 * file is missing is told by whoever needs it.
 */
export async function requireFilesOfCatalog(
  ledger: Database,
  { bronze, endpoint }: { bronze: Pick<Bucket, "hasAny">; endpoint: string },
): Promise<void> {
  const { rows } = await ledger.query(
    `select exists (
         select from iceberg.iceberg_tables where catalog_name = 'lakehouse' and table_namespace = 'bronze'
     ) as has_tables`,
  );
  if (!rows[0].has_tables || (await bronze.hasAny("tables/"))) return;
  throw new ReelhouseError(
    `the catalog has tables, and the object store at ${endpoint} none of their files: set STORE and STORE_ENDPOINT in .env as they were; to move, see docs/object-store.md`,
    exitCode.failed,
  );
}

const lostCatalog = (found: string) =>
  new ReelhouseError(`the catalog is empty, and the object store has ${found}`, exitCode.failed, {
    next: "get the catalog back: reelhouse recover-catalog, or reelhouse restore DIR in an empty stack",
  });
