/** One delivery as objects on the store: its rows and its rejects as Parquet, and its bytes as they came. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { stackBuckets } from "../buckets.ts";
import type { Claim, Counts, Written } from "../ledger.ts";
import type { Format, ReadOptions, SourceFile } from "../read/record.ts";
import type { Store, Upload } from "../store.ts";
import type { Engine } from "./engine.ts";
import { copyRejects, copyRows } from "./parquet.ts";
import { type Part, Parts, type RejectSummary } from "./parts.ts";

export const bucket = stackBuckets.bronze;

export interface Delivery {
  claim: Claim;
  /** As the file has them. */
  columns: readonly string[];
  /** The same in bronze. */
  names: readonly string[];
  format: Format;
  options: ReadOptions;
  file: SourceFile;
  /** Of the file; decides how it is cut into parts. */
  byteCount: number;
  /** Throws when the file is not what it was when it was hashed. */
  unchanged(): Promise<void>;
}

export interface ReadTools {
  engine: Engine;
  /** A local folder for temporary files. */
  folder: string;
  /** Hears how far the file is read. */
  onRead(read: { rows?: number; bytes?: number }): void;
  signal: AbortSignal;
}

export interface BatchTools extends ReadTools {
  store: Store;
  /** Called when the file's own bytes begin to be uploaded; the answer hears how far that is. */
  onKeep?(): (bytes: number) => void;
}

/**
 * Reads the file, writes it as Parquet, checks that no record is missing, and uploads, part by part. Only for a claim
 * of which no object is part of a table yet: a second attempt writes them anew, under the same names.
 */
export async function writeBatch(
  delivery: Delivery,
  tools: BatchTools,
): Promise<Written & { rejectSummary: RejectSummary }> {
  const { claim, file } = delivery;
  const rows: string[] = [];
  const parts = partsOf(delivery, tools, claim.batchId, async (part) => {
    rows[part.number] = await putRows(part, delivery, tools);
  });
  try {
    await readRecords(delivery, parts, tools);
    await keepOriginal(tools.store, claim, file, { onBytes: tools.onKeep?.(), signal: tools.signal });
    await delivery.unchanged();
    const rejects = await putRejects(parts, delivery, tools);
    return { counts: countsOf(parts), rows, rejects, rejectSummary: parts.rejectSummary };
  } finally {
    await parts.remove();
  }
}

/** What the records of a delivery are cut into. `mark`: a text that the file does not contain. */
export function partsOf(
  { claim, columns, byteCount }: Delivery,
  { folder, engine, signal, onRead }: ReadTools,
  mark: string,
  onPart: (part: Part) => Promise<void>,
): Parts {
  return new Parts({
    ...{ folder, mark, onPart },
    batchId: claim.batchId,
    columnCount: columns.length,
    partBytes: partBytes(byteCount),
    parallel: engine.parallel,
    onRows: (rows) => {
      signal.throwIfAborted();
      onRead({ rows });
    },
  });
}

export async function readRecords(
  { format, file, columns, options }: Delivery,
  parts: Parts,
  { onRead }: ReadTools,
): Promise<void> {
  const onBytes = (bytes: number) => onRead({ bytes });
  await format.records(file, columns, parts, { ...options, onBytes });
  await parts.finish();
}

export const countsOf = ({ rowsRead, rejectCount }: Parts): Counts => ({
  rowsRead,
  rowsAccepted: rowsRead - rejectCount,
  rowsQuarantined: rejectCount,
});

export const originalKey = ({ source, batchId }: Claim) => `originals/${source}/${batchId}`;

/** The file's bytes as they came. */
export async function keepOriginal(
  store: Store,
  claim: Claim,
  file: SourceFile,
  upload?: Upload,
): Promise<void> {
  await store.putFile(bucket, originalKey(claim), file.path, upload);
}

/** The kept bytes as a file again, below `folder`, under the name that they were claimed with. */
export async function fetchOriginal(store: Store, claim: Claim, folder: string): Promise<SourceFile> {
  const path = join(folder, `${claim.batchId}.original`);
  await store.getFile(bucket, originalKey(claim), path);
  return { path, hostPath: claim.sourceFile };
}

export const leastPartBytes = 8_388_608;
/** DuckDB holds the whole file in memory when it reads it in one go. */
const mostPartBytes = 67_108_864;
const usualParts = 8;

/** Few objects, each large enough to be read well, and enough of them that all cores have work. */
const partBytes = (byteCount: number) =>
  Math.min(mostPartBytes, Math.max(leastPartBytes, Math.ceil(byteCount / usualParts)));

async function putRows(part: Part, delivery: Delivery, tools: BatchTools): Promise<string> {
  const { claim, names } = delivery;
  const key = `rows/${claim.source}/${claim.batchId}-${String(part.number).padStart(3, "0")}.parquet`;
  const rows = { ...part, columns: names, mark: claim.batchId };
  return putParquet(key, part.rowCount, (target) => copyRows(rows, claim, target), delivery, tools);
}

async function putRejects(
  { rejects, rejectCount }: Parts,
  delivery: Delivery,
  tools: BatchTools,
): Promise<string | undefined> {
  const { claim } = delivery;
  const key = `quarantine/${claim.source}/${claim.batchId}.parquet`;
  if (rejects === undefined) return undefined;
  return putParquet(key, rejectCount, (target) => copyRejects(rejects, claim, target), delivery, tools);
}

/** Writes one object and uploads it. */
async function putParquet(
  key: string,
  rowCount: number,
  statement: (target: string) => string,
  { file, unchanged }: Delivery,
  { engine, folder, store }: BatchTools,
): Promise<string> {
  const target = join(folder, key.replaceAll("/", "."));
  try {
    await copyCounted(engine, statement(target), { key: `${key} from ${file.hostPath}`, rowCount });
    // The last moment: what is uploaded under the hash's name must be what was hashed.
    await unchanged();
    await store.putFile(bucket, key, target);
    return `s3://${bucket}/${key}`;
  } finally {
    await rm(target, { force: true });
  }
}

/**
 * Runs a COPY statement. Fails if DuckDB read another number of records than was counted: then the two do not
 * understand the file alike, and rows would be lost. `key`: the object that it is for.
 */
export async function copyCounted(
  engine: Engine,
  statement: string,
  { key, rowCount }: { key: string; rowCount: number },
): Promise<void> {
  const written = await engine.copy(statement);
  if (written === rowCount) return;
  throw new Error(`write ${key}: expected ${rowCount} rows, ${written} were written`);
}
