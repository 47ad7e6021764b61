/** One delivery as objects on the store: its rows and its rejects as Parquet, and its bytes as they came. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { exitCode, ReelhouseError } from "../errors.ts";
import type { Claim, Counts } from "../ledger.ts";
import type { Format, ReadOptions, SourceFile } from "../read/record.ts";
import type { Store } from "../store.ts";
import type { Engine } from "./engine.ts";
import { copyRejects, copyRows } from "./parquet.ts";
import { type Part, Parts } from "./parts.ts";

const bucket = "bronze";

/** A batch whose objects are on the store and which nobody sees yet. */
export interface WrittenBatch {
  claim: Claim;
  columns: string[];
  counts: Counts;
  /** Locations of the Parquet objects, in the order of their rows; empty if there is no row. */
  rows: string[];
  /** Location of the Parquet object; undefined if there is no reject. */
  rejects: string | undefined;
}

export interface Delivery {
  claim: Claim;
  columns: string[];
  format: Format;
  options: ReadOptions;
  file: SourceFile;
  /** Of the file; decides how it is cut into parts. */
  byteCount: number;
  /** Throws when the file is not what it was when it was hashed. */
  unchanged(): Promise<void>;
}

export interface BatchTools {
  store: Store;
  engine: Engine;
  /** A local folder for temporary files. */
  folder: string;
  onRows(rowsRead: number): void;
  signal: AbortSignal;
}

/**
 * Reads the file, writes it as Parquet, checks that no record is missing, and uploads, part by part. All names come
 * from the claim, and the content from the claim and the file alone: a second attempt writes the same again.
 */
export async function writeBatch(delivery: Delivery, tools: BatchTools): Promise<WrittenBatch> {
  const { claim, columns, format, file, options, byteCount } = delivery;
  const locations: string[] = [];
  const parts = new Parts({
    folder: tools.folder,
    batchId: claim.batchId,
    columnCount: columns.length,
    partBytes: partBytes(byteCount),
    parallel: tools.engine.parallel,
    onRows: (rowsRead) => {
      tools.signal.throwIfAborted();
      tools.onRows(rowsRead);
    },
    onPart: async (part) => {
      locations[part.number] = await putRows(part, delivery, tools);
    },
  });
  try {
    await format.records(file, columns, parts, options);
    await parts.finish();
    await tools.store.putFile(bucket, `originals/${claim.source}/${claim.batchId}`, file.path);
    await delivery.unchanged();
    const rejects = await putRejects(parts, delivery, tools);
    const rowsQuarantined = parts.rejectCount;
    const counts = {
      rowsRead: parts.rowsRead,
      rowsAccepted: parts.rowsRead - rowsQuarantined,
      rowsQuarantined,
    };
    return { claim, columns, counts, rows: locations, rejects };
  } finally {
    await parts.remove();
  }
}

const leastPartBytes = 8_388_608;
/** DuckDB holds the whole file in memory when it reads it in one go. */
const mostPartBytes = 67_108_864;
const usualParts = 8;

/** Few objects, each large enough to be read well, and enough of them that all cores have work. */
const partBytes = (byteCount: number) =>
  Math.min(mostPartBytes, Math.max(leastPartBytes, Math.ceil(byteCount / usualParts)));

async function putRows(part: Part, delivery: Delivery, tools: BatchTools): Promise<string> {
  const { claim, columns } = delivery;
  const key = `rows/${claim.source}/${claim.batchId}-${String(part.number).padStart(3, "0")}.parquet`;
  const rows = { ...part, columns, mark: claim.batchId };
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

/**
 * Writes one object and uploads it. Fails if DuckDB read another number of records than the reader counted: then
 * the two do not understand the file alike, and rows would be lost.
 */
async function putParquet(
  key: string,
  rowCount: number,
  statement: (target: string) => string,
  { file, unchanged }: Delivery,
  { engine, folder, store }: BatchTools,
): Promise<string> {
  const target = join(folder, key.replaceAll("/", "."));
  try {
    const written = await engine.copy(statement(target));
    if (written !== rowCount) {
      throw new Error(
        `write ${key} from ${file.hostPath}: expected ${rowCount} rows, ${written} were written`,
      );
    }
    // The last moment: what is uploaded under the hash's name must be what was hashed.
    await unchanged();
    await putOnce(store, key, target, rowCount);
    return `s3://${bucket}/${key}`;
  } finally {
    await rm(target, { force: true });
  }
}

/**
 * An object that is there already may be part of its table, whose manifest knows its length: it is never written
 * again. It came from the same bytes; that it has as many rows is checked all the same.
 */
async function putOnce(store: Store, key: string, file: string, rowCount: number): Promise<void> {
  const existing = await store.metadataOf(bucket, key);
  if (existing === undefined) {
    await store.putFile(bucket, key, file, { "row-count": String(rowCount) });
  } else if (existing["row-count"] !== String(rowCount)) {
    throw new ReelhouseError(
      `${bucket}/${key}: an earlier release read ${existing["row-count"]} rows from the same file, this one ${rowCount}`,
      exitCode.failed,
      { next: "finish the interrupted load with the release that began it, or deliver the file anew" },
    );
  }
}
