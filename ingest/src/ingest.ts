/**
 * The ingester's story: each delivery is hashed, claimed, judged, read, written, uploaded, registered and committed.
 *
 * Nothing is lost: rows read = rows accepted + rows quarantined, checked before a batch is visible.
 * Nothing is doubled: the claim's key is (source, content hash); an object becomes part of a table only after the
 * ledger has noted it as written, and is never written again after that; registering an object twice is refused by
 * Iceberg; and the entry in bronze.batches, which makes the batch count, is written last.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Arrival, arrivals, type Sized, sized } from "./arrivals.ts";
import { fetchOriginal } from "./bronze/batch.ts";
import { type Engine, openEngine } from "./bronze/engine.ts";
import { Group } from "./bronze/group.ts";
import { ensureBronzeTables } from "./bronze/tables.ts";
import { makeVisible, type WrittenBatch } from "./bronze/visible.ts";
import type { Database } from "./catalog.ts";
import type { Source } from "./config.ts";
import { HeldBack } from "./drift/hold.ts";
import { registeredSchemas, Schemas } from "./drift/registry.ts";
import { inputError, isRefusal, usageError } from "./errors.ts";
import {
  batchIdOf,
  type Claim,
  forgetUnfinished,
  isLoaded,
  releasedClaims,
  replaceRefusals,
  writtenClaims,
} from "./ledger.ts";
import { type Content, flushGroup, isSmall, loadContent } from "./load.ts";
import { type Buckets, expandDeliveries } from "./objects/delivered.ts";
import { Progress } from "./progress.ts";
import type { Contract } from "./read/contract.ts";
import type { SourceFile } from "./read/record.ts";
import type { Report } from "./report.ts";
import type { Store } from "./store.ts";
import type { TrinoSession } from "./trino.ts";

/** What a load works with. */
export interface LoadTools {
  trino: TrinoSession;
  ledger: Database;
  store: Store;
  /** Where objects are read from; `store` is where they are written to. */
  buckets: Buckets;
  report: Report;
  runId: string;
  /** Every source that has one has a table in bronze, loaded or not: models read them all. */
  contracts: readonly Contract[];
  hostRoot: string;
  /** Aborted when the run must stop: Ctrl-C, or its lock is lost. */
  signal: AbortSignal;
  /** Host path or location of a file that is to be loaded although its bytes were loaded before. */
  again?: string | undefined;
}

export interface IngestTools extends LoadTools {
  /** The host's path of the configuration that names the sources. */
  configuration: string;
}

export interface Delivery {
  source: string;
  file: string;
}
export interface IngestResult {
  loaded: (Delivery & { batchId: string; rowsAccepted: number; rowsQuarantined: number })[];
  /** Deliveries whose bytes were loaded before. */
  known: (Delivery & { batchId: string })[];
  refused: (Delivery & { message: string })[];
}

/** What the steps share during one call of `ingest`. */
export interface Job extends LoadTools {
  schemas: Schemas;
  /** For temporary files; gone when the job ends. */
  folder: string;
  engine: Engine;
  progress: Progress;
  result: IngestResult;
}

/** Loads every file of every source, in the order of the configuration, then by path. */
export async function ingest(sources: readonly Source[], tools: IngestTools): Promise<IngestResult> {
  return withJob(tools, async (job) => {
    const deliveries = await Promise.all(
      sources.map(async (source) => ({ source, files: await filesOf(source, job) })),
    );
    const files = deliveries.flatMap((delivery) => delivery.files);
    requireDelivered(tools.again, files);
    job.progress.plan(files.map(({ byteCount }) => byteCount));
    const written: WrittenBatch[] = [];
    for (const { source, files } of deliveries) written.push(...(await loadSource(source, files, job)));
    await forgetUnfinished(
      tools.ledger,
      sources.map(({ name }) => name),
    );
    await noteRefusals(sources, { refused: job.result.refused, written }, tools);
    return written;
  });
}

/** Makes what `work` has written count, and leaves no temporary file behind. */
export async function withJob(
  tools: LoadTools,
  work: (job: Job) => Promise<WrittenBatch[]>,
): Promise<IngestResult> {
  const tables = await ensureBronzeTables(tools.trino, tools.contracts);
  const folder = await mkdtemp(join(tmpdir(), "reelhouse-"));
  const engine = await openEngine(folder);
  const result: IngestResult = { loaded: [], known: [], refused: [] };
  try {
    const schemas = new Schemas(await registeredSchemas(tools.ledger));
    const progress = new Progress(tools.report);
    const written = await work({ ...tools, schemas, folder, engine, progress, result });
    result.loaded.push(...(await makeVisible(written, tables, tools)));
  } finally {
    engine.close();
    await rm(folder, { recursive: true, force: true });
  }
  return result;
}

/** What of a source is ready to be registered, and what waits to share objects with others. */
interface Pending {
  written: WrittenBatch[];
  group: Group;
  /** Content hash -> batch id, of both: the same bytes may lie there twice, under two names. */
  batchIds: Map<string, string>;
}

/** Everything up to the upload, file by file. A refused file does not keep the others from loading. */
async function loadSource(source: Source, files: Sized[], job: Job): Promise<WrittenBatch[]> {
  const pending: Pending = { written: [], group: new Group(job), batchIds: new Map() };
  await loadKept(source, await releasedClaims(job.ledger, source.name), pending, job);
  const flush = async () => pending.written.push(...(await flushGroup(source, pending.group, job)));
  for await (const arrival of arrivals(source, files, job)) {
    job.signal.throwIfAborted();
    // It is noted before the group is, and may have columns that one of the group brought.
    if (!isSmall(arrival) && job.schemas.hasUnregistered(source.name)) await flush();
    job.progress.begin(source.name, arrival.byteCount);
    await loadOrRefuse(source, arrival, pending, job);
    if (pending.group.isFull) await flush();
    job.progress.end();
  }
  const gone = await loadGone(source, pending, job);
  await flush();
  return [...gone, ...pending.written];
}

/** Goes on with what an earlier run has written, and whose file is gone. It came first, so it is the older one. */
async function loadGone(source: Source, pending: Pending, job: Job): Promise<WrittenBatch[]> {
  const delivered = new Set(pending.batchIds.values());
  const claims = (await writtenClaims(job.ledger, source.name)).filter(
    ({ batchId }) => !delivered.has(batchId),
  );
  const gone = { ...pending, written: [] };
  await loadKept(source, claims, gone, job);
  return gone.written;
}

async function loadKept(source: Source, claims: readonly Claim[], pending: Pending, job: Job): Promise<void> {
  for (const claim of claims) {
    const file = await fetchOriginal(job.store, claim, job.folder);
    for await (const arrival of arrivals(source, await sized([file]), job)) {
      await loadOrRefuse(source, arrival, pending, job);
    }
    await rm(file.path, { force: true });
  }
}

async function filesOf(source: Source, job: Job): Promise<Sized[]> {
  try {
    return await sized(await expandDeliveries(source, job));
  } catch (error) {
    refuse(source, source.paths.map(({ path }) => path).join(", "), error, job);
    return [];
  }
}

function requireDelivered(again: string | undefined, files: readonly Sized[]): void {
  if (again === undefined || files.some(({ delivery }) => delivery.hostPath === again)) return;
  throw usageError(`--again ${again}: no source has this file`, "name a file that pipeline.yaml leads to");
}

async function loadOrRefuse(source: Source, arrival: Arrival, pending: Pending, job: Job): Promise<void> {
  try {
    if ("error" in arrival) throw arrival.error;
    if ("loaded" in arrival) tellKnown(source, arrival.delivery, arrival.loaded, job);
    else {
      const batch = await loadNew(source, arrival.file, arrival.content, pending, job);
      if (batch) pending.written.push(batch);
    }
  } catch (error) {
    refuse(source, arrival.delivery.hostPath, error, job);
  }
}

/** Notes a file that can't be loaded; any other error ends the run. */
function refuse(source: Source, file: string, error: unknown, job: Job): void {
  if (!isRefusal(error)) throw error;
  const message = error.next ? `${error.message}; ${error.next}` : error.message;
  job.result.refused.push({ source: source.name, file, message });
  const event = error instanceof HeldBack ? "held" : "refused";
  job.report.warn(event, `${source.name}: ${message}`, { source: source.name, file });
}

/** When all files were looked at: until then, what the run before refused keeps builds back. */
async function noteRefusals(
  sources: readonly Source[],
  { refused, written }: { refused: IngestResult["refused"]; written: WrittenBatch[] },
  { ledger, configuration, runId }: IngestTools,
): Promise<void> {
  const refusals = refused.map(({ source, file, message }) => ({ source, sourceFile: file, message }));
  const names = sources.map(({ name }) => name);
  const renewed = [...new Set(written.map(({ claim }) => claim.source))];
  await replaceRefusals(ledger, refusals, { configuration, sources: names, renewed, runId });
}

/** Answers what `loadContent` does, and undefined too for bytes that were loaded before. */
async function loadNew(
  source: Source,
  file: SourceFile,
  content: Content,
  { group, batchIds }: Pending,
  job: Job,
): Promise<WrittenBatch | undefined> {
  const { contentHash } = content.content;
  const { newest } = content.known;
  const pending = batchIds.get(contentHash);
  const isAgain = job.again === file.hostPath;
  if (isAgain && newest?.isErased) throw erased(file);
  const loaded = newest && isLoaded(newest) && !isAgain ? newest : undefined;
  const known = pending === undefined ? loaded : { batchId: pending, state: "written" as const };
  if (known) {
    tellKnown(source, file, known, job);
    return undefined;
  }
  const written = await loadContent(source, file, content, job, group);
  batchIds.set(contentHash, batchIdOf(contentHash, content.known));
  return written;
}

const erased = ({ hostPath }: SourceFile) =>
  inputError("rows of these bytes were erased, so they are not loaded again", {
    file: hostPath,
    next: "deliver a file without those rows",
  });

function tellKnown(
  source: Source,
  { hostPath }: { hostPath: string },
  { batchId, state }: Pick<Claim, "batchId" | "state">,
  job: Job,
): void {
  job.result.known.push({ source: source.name, file: hostPath, batchId });
  const isExcluded = state === "excluded" ? " and is excluded" : "";
  const message = `${source.name}: ${hostPath} was loaded before${isExcluded}, nothing added`;
  job.report.info("known", message, { batchId });
}
