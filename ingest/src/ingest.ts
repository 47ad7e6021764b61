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
import { fetchOriginal, keepOriginal, writeBatch } from "./bronze/batch.ts";
import { type Engine, openEngine } from "./bronze/engine.ts";
import { ensureBronzeTables } from "./bronze/tables.ts";
import { makeVisible, type WrittenBatch } from "./bronze/visible.ts";
import type { Database } from "./catalog.ts";
import { expandPaths, type Source } from "./config.ts";
import { checkErrorBudget, HeldBack } from "./drift/hold.ts";
import { type Inspected, judgeColumns } from "./drift/judge.ts";
import { registeredSchemas } from "./drift/registry.ts";
import type { SourceSchema } from "./drift/schema.ts";
import { exitCode, ReelhouseError, usageError } from "./errors.ts";
import {
  type Claim,
  claimBatch,
  clearRefusals,
  findClaim,
  holdBatch,
  noteWritten,
  recordRefusal,
  releasedClaims,
  resumeBatch,
  writtenObjects,
} from "./ledger.ts";
import { formatOf, formats } from "./read/formats.ts";
import { hashFile, watchFile } from "./read/identity.ts";
import type { SourceFile } from "./read/record.ts";
import type { Report } from "./report.ts";
import type { Store } from "./store.ts";
import type { TrinoSession } from "./trino.ts";

export interface IngestTools {
  trino: TrinoSession;
  ledger: Database;
  store: Store;
  report: Report;
  runId: string;
  hostRoot: string;
  /** Aborted when the run must stop: Ctrl-C, or its lock is lost. */
  signal: AbortSignal;
  /** Host path of a file that is to be loaded although its bytes were loaded before. */
  again: string | undefined;
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
export interface Job extends IngestTools {
  /** The newest registered one of each source. */
  schemas: Map<string, SourceSchema>;
  /** For temporary files; gone when the job ends. */
  folder: string;
  engine: Engine;
  result: IngestResult;
}

/** Loads every file of every source, in the order of the configuration, then by path. */
export async function ingest(sources: readonly Source[], tools: IngestTools): Promise<IngestResult> {
  await ensureBronzeTables(tools.trino, tools.ledger, sources);
  const folder = await mkdtemp(join(tmpdir(), "reelhouse-"));
  const engine = await openEngine(folder);
  const result: IngestResult = { loaded: [], known: [], refused: [] };
  try {
    const schemas = await registeredSchemas(tools.ledger);
    const job: Job = { ...tools, schemas, folder, engine, result };
    const deliveries = await Promise.all(
      sources.map(async (source) => ({ source, files: await filesOf(source, job) })),
    );
    requireDelivered(
      tools.again,
      deliveries.flatMap(({ files }) => files),
    );
    const written: WrittenBatch[] = [];
    for (const { source, files } of deliveries) written.push(...(await loadSource(source, files, job)));
    result.loaded.push(...(await makeVisible(written, tools)));
  } finally {
    engine.close();
    await rm(folder, { recursive: true, force: true });
  }
  return result;
}

/** Everything up to the upload, file by file. A refused file does not keep the others from loading. */
async function loadSource(source: Source, files: SourceFile[], job: Job): Promise<WrittenBatch[]> {
  const written: WrittenBatch[] = [];
  for (const claim of await releasedClaims(job.ledger, source.name)) {
    const file = await fetchOriginal(job.store, claim, job.folder);
    await loadOrRefuse(source, file, written, job);
    await rm(file.path, { force: true });
  }
  for (const file of files) {
    job.signal.throwIfAborted();
    await loadOrRefuse(source, file, written, job);
  }
  return written;
}

/** The files of a source as they lie there now: what an earlier run refused is forgotten. */
async function filesOf(source: Source, job: Job): Promise<SourceFile[]> {
  await clearRefusals(job.ledger, source.name);
  try {
    return await expandPaths(source, job.hostRoot);
  } catch (error) {
    await refuse(source, source.paths.map(({ path }) => path).join(", "), error, job);
    return [];
  }
}

function requireDelivered(again: string | undefined, files: SourceFile[]): void {
  if (again === undefined || files.some(({ hostPath }) => hostPath === again)) return;
  throw usageError(`--again ${again}: no source has this file`, "name a file that pipeline.yaml leads to");
}

async function loadOrRefuse(
  source: Source,
  file: SourceFile,
  written: WrittenBatch[],
  job: Job,
): Promise<void> {
  try {
    const batch = await loadFile(source, file, written, job);
    if (batch) written.push(batch);
  } catch (error) {
    await refuse(source, file.hostPath, error, job);
  }
}

/** Notes a file that can't be loaded; any other error ends the run. */
async function refuse(source: Source, file: string, error: unknown, job: Job): Promise<void> {
  if (!(error instanceof ReelhouseError) || error.exitCode !== exitCode.inputRefused) throw error;
  const message = error.next ? `${error.message}; ${error.next}` : error.message;
  job.result.refused.push({ source: source.name, file, message });
  const event = error instanceof HeldBack ? "held" : "refused";
  job.report.warn(event, `${source.name}: ${message}`, { source: source.name, file });
  await recordRefusal(job.ledger, { source: source.name, sourceFile: file, message, runId: job.runId });
}

async function loadFile(
  source: Source,
  file: SourceFile,
  earlier: WrittenBatch[],
  job: Job,
): Promise<WrittenBatch | undefined> {
  const unchanged = await watchFile(file);
  const { contentHash, byteCount } = await hashFile(file);
  const content = {
    source: source.name,
    contentHash,
    sourceFile: file.hostPath,
    byteCount,
    runId: job.runId,
  };
  const known = await findClaim(job.ledger, content);
  // The same bytes may also lie there twice, under two names.
  const isLoaded = known?.state === "committed" && job.again !== file.hostPath;
  if (known && (isLoaded || earlier.some(({ claim }) => claim.batchId === known.batchId))) {
    const { batchId } = known;
    job.result.known.push({ source: source.name, file: file.hostPath, batchId });
    job.report.info("known", `${source.name}: ${file.hostPath} was loaded before, nothing added`, {
      batchId,
    });
    return undefined;
  }
  // Before the claim: a file that is no table leaves no trace in the ledger.
  const inspected = await inspect(source, file);
  const claim = await claimBatch(job.ledger, content, known);
  const columns = [...inspected.names];
  if (claim.state === "written") return { claim, columns, ...(await writtenObjects(job.ledger, claim)) };
  try {
    await judgeColumns(inspected, claim, job);
    return await write(inspected, claim, { byteCount, unchanged }, job);
  } catch (error) {
    if (error instanceof HeldBack) {
      await keepOriginal(job.store, claim, file);
      await unchanged();
      await holdBatch(job.ledger, claim, error.hold);
    }
    throw error;
  }
}

async function inspect(source: Source, file: SourceFile): Promise<Inspected> {
  const { options } = source;
  const format = formats[formatOf(file, source.format, source.usualFormat)];
  const columns = await format.columns(file, options);
  const names = columns.map((name) => source.rename.get(name) ?? name);
  return { source, file, format, options, columns, names };
}

async function write(
  inspected: Inspected,
  claim: Claim,
  content: { byteCount: number; unchanged: () => Promise<void> },
  job: Job,
): Promise<WrittenBatch> {
  const { source, file, names } = inspected;
  if (claim.state === "held") await resumeBatch(job.ledger, claim);
  const onRows = (rows: number) => job.report.progress(`${source.name}: ${file.hostPath}: ${rows} rows`);
  const written = await writeBatch({ ...inspected, ...content, claim }, { ...job, onRows });
  const limits = {
    file: file.hostPath,
    batchId: claim.batchId,
    maximumPercent: source.maximumRejectedPercent,
  };
  if (!claim.isReleased) checkErrorBudget(written.counts, limits);
  await noteWritten(job.ledger, claim, written);
  return { claim, columns: [...names], ...written };
}
