/** One delivery as objects on the store: its rows and its rejects as Parquet, and its bytes as they came. */
import { join } from "node:path";
import { exitCode, ReelhouseError } from "../errors.ts";
import type { Claim, Counts } from "../ledger.ts";
import { type Format, isReject, type SourceFile } from "../read/record.ts";
import type { Store } from "../store.ts";
import { createParquetFile, microseconds, type ParquetFile } from "./parquet.ts";
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

/**
 * Reads `file`, writes it as Parquet into `folder`, checks that no record is missing, and uploads. All names come
 * from the claim, and the content from the claim and the file alone: a second attempt writes the same again.
 */
export async function writeBatch(
  { claim, columns, format, file, unchanged }: Delivery,
  { store, folder, onRows, signal }: BatchTools,
): Promise<WrittenBatch> {
  const good = join(folder, `${claim.batchId}.rows.parquet`);
  const bad = join(folder, `${claim.batchId}.rejects.parquet`);
  const goodFile = createParquetFile(good, [...textColumns(columns), ...lineageColumns]);
  const badFile = createParquetFile(bad, quarantineColumns);
  let rowsRead = 0;
  for await (const records of format.records(file, columns)) {
    for (const record of records) {
      rowsRead = record.rowNumber;
      await (isReject(record)
        ? badFile.append([
            claim.source,
            claim.batchId,
            claim.sourceFile,
            BigInt(record.rowNumber),
            BigInt(record.lineNumber),
            record.reason,
            record.raw,
            microseconds(claim.claimedAt),
          ])
        : goodFile.append([
            ...record.values,
            claim.sourceFile,
            BigInt(record.rowNumber),
            claim.batchId,
            microseconds(claim.claimedAt),
          ]));
    }
    signal.throwIfAborted();
    onRows(rowsRead);
  }
  await goodFile.close();
  await badFile.close();
  const counts = { rowsRead, rowsAccepted: goodFile.rowCount, rowsQuarantined: badFile.rowCount };
  if (counts.rowsRead !== counts.rowsAccepted + counts.rowsQuarantined) {
    throw new Error(
      `${file.hostPath}: read ${rowsRead} rows, wrote ${JSON.stringify(counts)}: the reader lost rows`,
    );
  }
  await store.putFile(bucket, `originals/${claim.source}/${claim.batchId}`, file.path);
  // The last moment: what is uploaded from here on under the hash's name must be what was hashed.
  await unchanged();
  const put = (kind: string, local: string, parquet: ParquetFile) =>
    parquet.rowCount === 0 ? undefined : putOnce(store, claim, kind, local, parquet.rowCount);
  const rows = await put("rows", good, goodFile);
  const rejects = await put("quarantine", bad, badFile);
  return { claim, columns, counts, rows, rejects };
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
  /** A local folder for temporary files; its owner removes it. */
  folder: string;
  onRows(rowsRead: number): void;
  signal: AbortSignal;
}

/**
 * An object that is there already may be part of its table, whose manifest knows its length: it is never written
 * again. It came from the same bytes; that it has as many rows is checked all the same.
 */
async function putOnce(
  store: Store,
  claim: Claim,
  kind: string,
  local: string,
  rowCount: number,
): Promise<string> {
  const key = `${kind}/${claim.source}/${claim.batchId}.parquet`;
  const existing = await store.metadataOf(bucket, key);
  if (existing === undefined) {
    await store.putFile(bucket, key, local, { "row-count": String(rowCount) });
  } else if (existing["row-count"] !== String(rowCount)) {
    throw new ReelhouseError(
      `${bucket}/${key}: an earlier release read ${existing["row-count"]} rows from the same file, this one ${rowCount}`,
      exitCode.failed,
      { next: "finish the interrupted load with the release that began it, or deliver the file anew" },
    );
  }
  return `s3://${bucket}/${key}`;
}
