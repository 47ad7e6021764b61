/** Whether each part of the stack can do its job: what `doctor` shows, and what a run asks before it changes anything. */
import { connectStackBuckets } from "./backup/backup.ts";
import { stackBuckets } from "./buckets.ts";
import { connectCatalog } from "./catalog.ts";
import { projectHash } from "./dbt.ts";
import { exitCode, ReelhouseError, serviceError } from "./errors.ts";
import type { Bucket } from "./objects/bucket.ts";
import { requireFilesOfCatalog, requireOwnBuckets } from "./recover/state.ts";
import type { Settings } from "./settings.ts";
import { connectStore } from "./store.ts";
import { connectTrino, isNotFound } from "./trino.ts";

/** One part of the stack, by its compose name. The check does what the pipeline needs of it, and throws. */
interface Check {
  part: string;
  check(settings: Settings): Promise<unknown>;
}

const checks = [
  {
    part: "catalog",
    check: checkCatalog,
  },
  {
    part: "store",
    check: checkStore,
  },
  {
    part: "trino",
    check: checkTrino,
  },
  { part: "dbt", check: projectHash },
] as const satisfies Check[];

async function checkCatalog(settings: Settings): Promise<void> {
  await (await connectCatalog(settings, "publisher")).end();
  const ledger = await connectCatalog(settings, "ledger");
  await requireOwnBuckets(ledger).finally(() => ledger.end());
}

async function checkStore(settings: Settings): Promise<void> {
  await connectStore(settings, "ingest").metadataOf(stackBuckets.bronze, "rows/none");
  await connectStore(settings, "publisher").metadataOf(stackBuckets.warehouse, "none/metadata/none");
}

/** What Trino cannot read for a store that is another one than before. */
async function checkFiles(settings: Settings): Promise<void> {
  const ledger = await connectCatalog(settings, "ledger");
  try {
    const bronze = connectStackBuckets(settings, "backup").get(stackBuckets.bronze) as Bucket;
    await requireFilesOfCatalog(ledger, { bronze, endpoint: settings.store.endpoint });
  } finally {
    await ledger.end();
  }
}

/** With catalog and object store behind it: the rows of a table are not answered from memory. */
async function checkTrino(settings: Settings): Promise<void> {
  // Not as bi, whose queries may have to wait for each other.
  await connectTrino(settings, "admin", { catalog: "lakehouse" }).query("SHOW SCHEMAS");
  // A store that is down has a check of its own; Trino would go on asking it for half a minute.
  const storeWorks = await checkStore(settings).then(
    () => true,
    () => false,
  );
  if (!storeWorks) return;
  try {
    await connectTrino(settings, "ingest", { catalog: "ingest" }).query(
      "SELECT source FROM bronze.batches LIMIT 1",
    );
  } catch (error) {
    // Before the first load there is no table yet.
    if (isNotFound(error, "SCHEMA", "TABLE")) return;
    await checkFiles(settings);
    throw error;
  }
}

export type Part = (typeof checks)[number]["part"];
export const allParts: readonly Part[] = checks.map(({ part }) => part);
/** What loading needs; dbt may be down. */
export const loadingParts: readonly Part[] = ["catalog", "store", "trino"];

export interface Diagnosis {
  part: string;
  /** Null: the part works. */
  fault: string | null;
  next: string | null;
}

/** Checks the parts, all at once. */
export function diagnose(settings: Settings, parts: readonly Part[] = allParts): Promise<Diagnosis[]> {
  return Promise.all(
    checks
      .filter(({ part }) => parts.includes(part))
      .map(async ({ part, check }) => {
        try {
          await check(settings);
          return { part, fault: null, next: null };
        } catch (error) {
          const fault = error instanceof Error ? error.message : String(error);
          return { part, fault, next: nextOf(part, error) };
        }
      }),
  );
}

/** What its own log cannot say: a setting that does not fit. */
const nextOf = (part: string, error: unknown) =>
  error instanceof ReelhouseError && error.exitCode === exitCode.usage && error.next
    ? error.next
    : `docker compose ps ${part}; docker compose logs --tail 50 ${part}; start it with ./scripts/up`;

/** Throws a service error (exit 5) that names the parts that don't work. */
export async function requireHealthy(settings: Settings, parts: readonly Part[] = allParts): Promise<void> {
  const [first, ...others] = (await diagnose(settings, parts)).filter(({ fault }) => fault !== null);
  if (!first) return;
  const also = others.length > 0 ? `; and ${others.map(({ part }) => part).join(", ")}` : "";
  throw serviceError(first.part, "check", new Error(`${first.fault}${also}`));
}
