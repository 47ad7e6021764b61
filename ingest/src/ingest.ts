/**
 * The ingester's story: each delivery is hashed, claimed, read, written, uploaded, registered and committed.
 *
 * Nothing is lost: rows read = rows accepted + rows quarantined, checked before a batch is visible.
 * Nothing is doubled: the claim's key is (source, content hash), every object's name comes from it, registering an
 * object twice is refused by Iceberg, and the entry in bronze.batches, which makes the batch count, is written last.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type WrittenBatch, writeBatch } from "./bronze/batch.ts";
import { addMissingColumns, ensureBronzeTables, registerObject } from "./bronze/tables.ts";
import { commitVisible, findVisible } from "./bronze/visible.ts";
import type { Database } from "./catalog.ts";
import { expandPaths, type Source } from "./config.ts";
import { exitCode, inputError, ReelhouseError } from "./errors.ts";
import { claimBatch, clearRefusals, recordRefusal } from "./ledger.ts";
import { checkColumns, loadContracts } from "./read/contract.ts";
import { formats } from "./read/formats.ts";
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

/** Loads every file of every source, in the order of the configuration, then by path. */
export async function ingest(sources: readonly Source[], tools: IngestTools): Promise<IngestResult> {
  const result: IngestResult = { loaded: [], known: [], refused: [] };
  const contracts = loadContracts();
  const columnsOf = [...contracts].map(
    ([name, { columns }]) => [name, columns.map((column) => column.name)] as const,
  );
  await ensureBronzeTables(tools.trino, tools.ledger, new Map(columnsOf));
  const folder = await mkdtemp(join(tmpdir(), "reelhouse-"));
  try {
    const written: WrittenBatch[] = [];
    for (const source of sources) written.push(...(await loadSource(source, folder, tools, result)));
    await makeVisible(written, tools, result);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return result;
}

/** Everything up to the upload, file by file. A refused file does not keep the others from loading. */
async function loadSource(
  source: Source,
  folder: string,
  tools: IngestTools,
  result: IngestResult,
): Promise<WrittenBatch[]> {
  const written: WrittenBatch[] = [];
  const refuse = async (file: string, error: unknown) => {
    if (!(error instanceof ReelhouseError) || error.exitCode !== exitCode.inputRefused) throw error;
    const message = error.next ? `${error.message}; ${error.next}` : error.message;
    result.refused.push({ source: source.name, file, message });
    tools.report.warn("refused", `${source.name}: ${message}`, { source: source.name, file });
    await recordRefusal(tools.ledger, { source: source.name, sourceFile: file, message, runId: tools.runId });
  };
  await clearRefusals(tools.ledger, source.name);
  let files: SourceFile[] = [];
  try {
    files = await expandPaths(source, tools.hostRoot);
  } catch (error) {
    await refuse(source.paths.map(({ path }) => path).join(", "), error);
  }
  for (const file of files) {
    tools.signal.throwIfAborted();
    try {
      const batch = await loadFile(source, file, written, folder, tools, result);
      if (batch) written.push(batch);
    } catch (error) {
      await refuse(file.hostPath, error);
    }
  }
  return written;
}

async function loadFile(
  source: Source,
  file: SourceFile,
  earlier: WrittenBatch[],
  folder: string,
  tools: IngestTools,
  result: IngestResult,
): Promise<WrittenBatch | undefined> {
  const { ledger, report, store, signal, runId } = tools;
  const format = formats[source.format];
  // Checked before the claim: most files that are refused leave no trace in the ledger.
  const columns = await format.columns(file);
  const contract = loadContracts().get(source.name);
  const unexpected = contract ? checkColumns(contract, columns, file) : [];
  if (unexpected.length > 0) {
    report.warn(
      "unexpected_columns",
      `${source.name}: ${file.hostPath}: kept unexpected columns ${unexpected.join(", ")}`,
    );
  }
  const unchanged = await watchFile(file);
  const { batchId, byteCount } = await hashFile(file.path);
  const claim = await claimBatch(ledger, {
    source: source.name,
    batchId,
    sourceFile: file.hostPath,
    byteCount,
    runId,
  });
  // The same bytes may also lie there twice, under two names.
  const isKnown = claim.state === "committed" || earlier.some((batch) => batch.claim.batchId === batchId);
  if (isKnown) {
    result.known.push({ source: source.name, file: file.hostPath, batchId });
    report.info("known", `${source.name}: ${file.hostPath} was loaded before, nothing added`, { batchId });
    return undefined;
  }
  const onRows = (rows: number) => report.progress(`${source.name}: ${file.hostPath}: ${rows} rows`);
  return writeBatch({ claim, columns, format, file, unchanged }, { store, folder, onRows, signal });
}

/**
 * Remembers the file as it is now. The answer throws an input error when it is no longer so: columns, hash and rows
 * come from separate readings, and a provider may still be writing.
 */
async function watchFile(file: SourceFile): Promise<() => Promise<void>> {
  const identity = async () => {
    const { size, mtimeNs, ino } = await stat(file.path, { bigint: true });
    return `${ino}/${size}/${mtimeNs}`;
  };
  const before = await identity();
  return async () => {
    if ((await identity()) === before) return;
    throw inputError("changed while it was read", {
      file: file.hostPath,
      expected: "a complete file",
      next: "run again when the provider has finished writing it",
    });
  };
}

/** The file's content hash, which is the batch's id. */
async function hashFile(path: string): Promise<{ batchId: string; byteCount: number }> {
  const hash = createHash("sha256");
  let byteCount = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk);
    byteCount += chunk.length;
  }
  return { batchId: hash.digest("hex"), byteCount };
}

/** Registers all objects, then lets the batches count, in one commit and in the order they were read. */
async function makeVisible(written: WrittenBatch[], tools: IngestTools, result: IngestResult): Promise<void> {
  const { trino, ledger, report, signal } = tools;
  // A run that was killed between the two may have made some of them visible already.
  const visible = await findVisible(trino, written);
  const bySource = Map.groupBy(written, ({ claim }) => claim.source);
  await Promise.all([...bySource].map(([source, batches]) => registerSource(source, batches, tools)));
  for (const { rejects } of written) if (rejects) await registerObject(trino, "quarantine", rejects);
  signal.throwIfAborted();
  await commitVisible({ trino, ledger }, written, visible);
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
