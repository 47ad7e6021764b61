/** One delivery as objects on the store: its rows and its rejects as Parquet, and its bytes as they came. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { exitCode, ReelhouseError } from "../errors.ts";
import type { Claim, Counts } from "../ledger.ts";
import { type Format, isReject, type Reject, type Row, type SourceFile } from "../read/record.ts";
import type { Store } from "../store.ts";
import { createParquetFile, microseconds } from "./parquet.ts";
import { lineageColumns, quarantineColumns, textColumns } from "./tables.ts";

const bucket = "bronze";

/** A batch whose objects are on the store and which nobody sees yet. */
export interface WrittenBatch {
  claim: Claim;
  columns: string[];
  counts: Counts;
  /** Locations of the Parquet objects; undefined where there was nothing to write. */
  rows: string | undefined;
  rejects: string | undefined;
}

interface Delivery {
  claim: Claim;
  columns: string[];
  format: Format;
  file: SourceFile;
  /** Throws when the file is not what it was when it was hashed. */
  unchanged(): Promise<void>;
}

export interface BatchTools {
  store: Store;
  /** A local folder for temporary files. */
  folder: string;
  onRows(rowsRead: number): void;
  signal: AbortSignal;
}

/**
 * Reads the file, writes it as Parquet, checks that no record is missing, and uploads. All names come from the
 * claim, and the content from the claim and the file alone: a second attempt writes the same again.
 */
export async function writeBatch(delivery: Delivery, tools: BatchTools): Promise<WrittenBatch> {
  const { claim, columns, file } = delivery;
  const rowsFile = join(tools.folder, `${claim.batchId}.rows.parquet`);
  const rejectsFile = join(tools.folder, `${claim.batchId}.rejects.parquet`);
  try {
    const counts = await writeParquet(delivery, rowsFile, rejectsFile, tools);
    await tools.store.putFile(bucket, `originals/${claim.source}/${claim.batchId}`, file.path);
    // The last moment: what is uploaded from here on under the hash's name must be what was hashed.
    await delivery.unchanged();
    const rows = await putOnce(tools.store, claim, "rows", rowsFile, counts.rowsAccepted);
    const rejects = await putOnce(tools.store, claim, "quarantine", rejectsFile, counts.rowsQuarantined);
    return { claim, columns, counts, rows, rejects };
  } finally {
    await rm(rowsFile, { force: true });
    await rm(rejectsFile, { force: true });
  }
}

/** Each record into one of the two files. Throws when fewer were written than the reader counted. */
async function writeParquet(
  { claim, columns, format, file }: Delivery,
  rowsFile: string,
  rejectsFile: string,
  { onRows, signal }: BatchTools,
): Promise<Counts> {
  const rows = createParquetFile(rowsFile, [...textColumns(columns), ...lineageColumns]);
  const rejects = createParquetFile(rejectsFile, quarantineColumns);
  let rowsRead = 0;
  for await (const records of format.records(file, columns)) {
    for (const record of records) {
      rowsRead = record.rowNumber;
      if (isReject(record)) await rejects.append(rejectValues(claim, record));
      else await rows.append(rowValues(claim, record));
    }
    signal.throwIfAborted();
    onRows(rowsRead);
  }
  await rows.close();
  await rejects.close();
  const counts = { rowsRead, rowsAccepted: rows.rowCount, rowsQuarantined: rejects.rowCount };
  if (rowsRead !== counts.rowsAccepted + counts.rowsQuarantined) {
    throw new Error(`read ${file.hostPath}: rows were lost: ${JSON.stringify(counts)}`);
  }
  return counts;
}

/** In the order of the source's columns and `lineageColumns`. */
const rowValues = (claim: Claim, { values, rowNumber }: Row) => [
  ...values,
  claim.sourceFile,
  BigInt(rowNumber),
  claim.batchId,
  microseconds(claim.claimedAt),
];

/** In the order of `quarantineColumns`. */
const rejectValues = (claim: Claim, { rowNumber, lineNumber, reason, raw }: Reject) => [
  claim.source,
  claim.batchId,
  claim.sourceFile,
  BigInt(rowNumber),
  BigInt(lineNumber),
  reason,
  raw,
  microseconds(claim.claimedAt),
];

/**
 * Uploads unless there is nothing to upload. An object that is there already may be part of its table, whose
 * manifest knows its length: it is never written again. It came from the same bytes; that it has as many rows is
 * checked all the same.
 */
async function putOnce(
  store: Store,
  claim: Claim,
  kind: "rows" | "quarantine",
  file: string,
  rowCount: number,
): Promise<string | undefined> {
  if (rowCount === 0) return undefined;
  const key = `${kind}/${claim.source}/${claim.batchId}.parquet`;
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
  return `s3://${bucket}/${key}`;
}
