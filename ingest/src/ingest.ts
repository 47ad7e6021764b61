/**
 * The ingester's story: each delivery is hashed, claimed, read, written, uploaded, registered and committed.
 *
 * Nothing is lost: rows read = rows accepted + rows quarantined, checked before a batch is visible.
 * Nothing is doubled: the claim's key is (source, content hash), every object's name comes from it, registering an
 * object twice is refused by Iceberg, and the entry in bronze.batches, which makes the batch count, is written last.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type WrittenBatch, writeBatch } from "./bronze/batch.ts";
import { addMissingColumns, ensureBronzeTables, registerObject } from "./bronze/tables.ts";
import { commitVisible } from "./bronze/visible.ts";
import type { Database } from "./catalog.ts";
import { expandPaths, type Source } from "./config.ts";
import { exitCode, ReelhouseError } from "./errors.ts";
import { claimBatch, replaceRefusals } from "./ledger.ts";
import { type Contract, checkColumns, loadContracts } from "./read/contract.ts";
import { formats } from "./read/formats.ts";
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
  /** The host's path of the configuration that names the sources. */
  configuration: string;
  hostRoot: string;
  /** Aborted when the run must stop: Ctrl-C, or its lock is lost. */
  signal: AbortSignal;
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
interface Job extends IngestTools {
  contracts: ReadonlyMap<string, Contract>;
  /** For temporary files; gone when the job ends. */
  folder: string;
  result: IngestResult;
}

/** Loads every file of every source, in the order of the configuration, then by path. */
export async function ingest(sources: readonly Source[], tools: IngestTools): Promise<IngestResult> {
  const contracts = loadContracts();
  await ensureBronzeTables(tools.trino, tools.ledger, contracts);
  const folder = await mkdtemp(join(tmpdir(), "reelhouse-"));
  const result: IngestResult = { loaded: [], known: [], refused: [] };
  try {
    const written: WrittenBatch[] = [];
    for (const source of sources) {
      written.push(...(await loadSource(source, { ...tools, contracts, folder, result })));
    }
    await noteRefusals(sources, { refused: result.refused, written }, tools);
    await makeVisible(written, tools, result);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return result;
}

/** Everything up to the upload, file by file. A refused file does not keep the others from loading. */
async function loadSource(source: Source, job: Job): Promise<WrittenBatch[]> {
  const written: WrittenBatch[] = [];
  let files: SourceFile[] = [];
  try {
    files = await expandPaths(source, job.hostRoot);
  } catch (error) {
    refuse(source, source.paths.map(({ path }) => path).join(", "), error, job);
  }
  for (const file of files) {
    job.signal.throwIfAborted();
    try {
      const batch = await loadFile(source, file, written, job);
      if (batch) written.push(batch);
    } catch (error) {
      refuse(source, file.hostPath, error, job);
    }
  }
  return written;
}

/** Notes a file that can't be loaded; any other error ends the run. */
function refuse(source: Source, file: string, error: unknown, job: Job): void {
  if (!(error instanceof ReelhouseError) || error.exitCode !== exitCode.inputRefused) throw error;
  const message = error.next ? `${error.message}; ${error.next}` : error.message;
  job.result.refused.push({ source: source.name, file, message });
  job.report.warn("refused", `${source.name}: ${message}`, { source: source.name, file });
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

async function loadFile(
  source: Source,
  file: SourceFile,
  earlier: WrittenBatch[],
  job: Job,
): Promise<WrittenBatch | undefined> {
  const { name } = source;
  const format = formats[source.format];
  const unchanged = await watchFile(file);
  // Checked before the claim: most files that are refused leave no trace in the ledger.
  const columns = await format.columns(file);
  announceUnexpected(name, columns, file, job);
  const { batchId, byteCount } = await hashFile(file);
  const delivery = { source: name, batchId, sourceFile: file.hostPath, byteCount, runId: job.runId };
  const claim = await claimBatch(job.ledger, delivery);
  // The same bytes may also lie there twice, under two names.
  const isKnown = claim.state === "committed" || earlier.some((batch) => batch.claim.batchId === batchId);
  if (isKnown) {
    job.result.known.push({ source: name, file: file.hostPath, batchId });
    job.report.info("known", `${name}: ${file.hostPath} was loaded before, nothing added`, { batchId });
    return undefined;
  }
  const onRows = (rows: number) => job.report.progress(`${name}: ${file.hostPath}: ${rows} rows`);
  return writeBatch({ claim, columns, format, file, unchanged }, { ...job, onRows });
}

function announceUnexpected(source: string, columns: string[], file: SourceFile, job: Job): void {
  const contract = job.contracts.get(source);
  const unexpected = contract ? checkColumns(contract, columns, file) : [];
  if (unexpected.length === 0) return;
  const message = `${source}: ${file.hostPath}: kept unexpected columns ${unexpected.join(", ")}`;
  job.report.warn("unexpected_columns", message);
}

/** Registers all objects, then lets the batches count, in one commit and in the order they were read. */
async function makeVisible(written: WrittenBatch[], tools: IngestTools, result: IngestResult): Promise<void> {
  const { trino, ledger, report, signal } = tools;
  const bySource = Map.groupBy(written, ({ claim }) => claim.source);
  await Promise.all([...bySource].map(([source, batches]) => registerSource(source, batches, tools)));
  for (const { rejects } of written) if (rejects) await registerObject(trino, "quarantine", rejects);
  signal.throwIfAborted();
  await commitVisible({ trino, ledger }, written);
  for (const { claim, counts } of written) {
    const { rowsAccepted, rowsQuarantined } = counts;
    const delivery = { source: claim.source, file: claim.sourceFile, batchId: claim.batchId };
    result.loaded.push({ ...delivery, rowsAccepted, rowsQuarantined });
    const rejected = rowsQuarantined > 0 ? `, ${rowsQuarantined} to bronze.quarantine` : "";
    report.info("loaded", `${claim.source}: ${claim.sourceFile}: ${rowsAccepted} rows${rejected}`, delivery);
  }
}

async function registerSource(
  source: string,
  batches: WrittenBatch[],
  { trino, report }: IngestTools,
): Promise<void> {
  const columns = [...new Set(batches.flatMap((batch) => batch.columns))];
  const added = await addMissingColumns(trino, source, columns);
  if (added.length > 0)
    report.info("columns_added", `${source}: new columns ${added.join(", ")}`, { source, added });
  for (const { rows } of batches) if (rows) await registerObject(trino, source, rows);
}
