/** One delivery on its way to the store: claimed, judged, read, written, noted. */
import { type Delivery, keepOriginal, writeBatch } from "./bronze/batch.ts";
import { type Group, smallFileBytes } from "./bronze/group.ts";
import type { RejectSummary } from "./bronze/parts.ts";
import type { WrittenBatch } from "./bronze/visible.ts";
import type { Source } from "./config.ts";
import { checkErrorBudget, HeldBack } from "./drift/hold.ts";
import { type Inspected, type Judgement, judgeColumns } from "./drift/judge.ts";
import { isRefusal } from "./errors.ts";
import type { Job } from "./ingest.ts";
import {
  type Claim,
  type Counts,
  claimBatch,
  type DeliveredContent,
  forgetClaim,
  holdBatch,
  type Known,
  noteWritten,
  resumeBatch,
  writtenObjects,
} from "./ledger.ts";
import { renamedColumns } from "./read/column-names.ts";
import { formatOf, formats } from "./read/formats.ts";
import type { SourceFile } from "./read/record.ts";

/** The bytes of a file, and what the ledger knows of them. */
export interface Content {
  content: DeliveredContent;
  known: Known;
  /** The batch that counts now, and shall count no longer when this one does. */
  replaces?: string;
  /** Throws when the file is not what it was when it was hashed. */
  unchanged(): Promise<void>;
}

/**
 * Answers a batch that is ready to be registered; undefined if it is small and waits in `group` for others to share
 * objects with. Throws `HeldBack` when somebody has to decide about it first. Only a claim that a later run can finish
 * stays: a delivery that is refused may never come again.
 */
export async function loadContent(
  source: Source,
  file: SourceFile,
  delivered: Content,
  job: Job,
  group?: Group,
): Promise<WrittenBatch | undefined> {
  const { content, known, replaces, unchanged } = delivered;
  if (known.newest?.state === "written") return resume(source, file, delivered, job);
  // Before the claim: a file that is no table leaves no trace in the ledger.
  const inspected = await inspect(source, file, job);
  const claim = await claimBatch(job.ledger, content, known, replaces);
  try {
    const judgement = await judgeBeforeReading(inspected, claim, unchanged, job);
    const delivery = { ...inspected, claim, byteCount: content.byteCount, unchanged };
    return await write(delivery, judgement, job, isSmall(content) ? group : undefined);
  } catch (error) {
    if (error instanceof HeldBack) await holdBatch(job.ledger, claim, error.hold);
    else if (isRefusal(error)) await forgetClaim(job.ledger, claim);
    throw error;
  }
}

/** It shares objects with others, and is noted with them. */
export const isSmall = ({ byteCount }: { byteCount: number }) => byteCount <= smallFileBytes;

/** Goes on with what an earlier run wrote, as that run read it: `pipeline.yaml` may have changed since. */
async function resume(
  source: Source,
  file: SourceFile,
  { content, known, replaces }: Content,
  job: Job,
): Promise<WrittenBatch> {
  const claim = await claimBatch(job.ledger, content, known, replaces);
  const { columns, ...written } = await writtenObjects(job.ledger, claim);
  return { claim, ...written, columns: columns ?? [...(await inspect(source, file, job)).names] };
}

/** A file that is held back before it is read is not on the store yet, and may be gone when somebody releases it. */
async function judgeBeforeReading(
  inspected: Inspected,
  claim: Claim,
  unchanged: () => Promise<void>,
  job: Job,
): Promise<Judgement> {
  try {
    return await judgeColumns(inspected, claim, job);
  } catch (error) {
    if (error instanceof HeldBack) {
      await keepOriginal(job.store, claim, inspected.file);
      await unchanged();
    }
    throw error;
  }
}

async function inspect(source: Source, file: SourceFile, { signal, progress }: Job): Promise<Inspected> {
  const { options } = source;
  const format = formats[formatOf(file, source.format, source.usualFormat)];
  if (format.isReadTwice) progress.reading(1, 2);
  const onBytes = (bytes: number) => {
    signal.throwIfAborted();
    if (format.isReadTwice) progress.read({ bytes });
  };
  const columns = await format.columns(file, { ...options, onBytes });
  if (format.isReadTwice) progress.reading(2, 2);
  const names = renamedColumns(file.hostPath, columns, source.rename);
  return { source, file, format, options, columns, names };
}

async function write(
  delivery: Delivery & { source: Source },
  judgement: Judgement,
  job: Job,
  group: Group | undefined,
): Promise<WrittenBatch | undefined> {
  const { source, file, names, claim } = delivery;
  if (claim.state === "held") await resumeBatch(job.ledger, claim);
  const onRead = (read: { rows?: number; bytes?: number }) => job.progress.read(read);
  const onKeep = () => job.progress.stage(source.name, "upload", delivery.byteCount);
  const tools = { ...job, onRead, onKeep };
  const limits = {
    file: file.hostPath,
    batchId: claim.batchId,
    maximumPercent: source.maximumRejectedPercent,
  };
  const check = ({ counts, rejectSummary }: { counts: Counts; rejectSummary: RejectSummary }) => {
    if (!claim.isReleased) checkErrorBudget(counts, rejectSummary, limits);
  };
  if (group) {
    const read = await group.read(delivery, tools);
    try {
      check(read);
    } catch (error) {
      await group.discardLast();
      throw error;
    }
    accept(judgement, job);
    return undefined;
  }
  const { rejectSummary, ...written } = await writeBatch(delivery, tools);
  check({ ...written, rejectSummary });
  accept(judgement, job);
  const batch = { claim, columns: [...names], ...written };
  await note(source, [batch], job);
  return batch;
}

/** Nothing holds the delivery back any more. */
function accept({ versions, announce }: Judgement, { schemas }: Job): void {
  schemas.accept(versions);
  announce();
}

/** The batches of a group, once what they share is on the store. */
export async function flushGroup(source: Source, group: Group, job: Job): Promise<WrittenBatch[]> {
  const batches = await group.flush();
  await note(source, batches, job);
  return batches;
}

async function note(source: Source, batches: readonly WrittenBatch[], job: Job): Promise<void> {
  const versions = job.schemas.takeUnregistered(source.name);
  await noteWritten(job.ledger, batches, { versions, runId: job.runId });
}
