/** Quarantine, read again: after an option was mended, a batch's kept bytes are loaded anew in its place. */
import { rm } from "node:fs/promises";
import { fetchOriginal } from "./bronze/batch.ts";
import type { WrittenBatch } from "./bronze/visible.ts";
import type { Source } from "./config.ts";
import { type IngestResult, type Job, type LoadTools, withJob } from "./ingest.ts";
import { dropClaim, findKnown, type LoadedBatch, loadedWithRejects } from "./ledger.ts";
import { loadContent } from "./load.ts";

/**
 * Reads every batch of `source` that has rows in quarantine again, as the source's options are now; `id`: only batches
 * whose id begins so. A batch that comes out better takes the place of the old one, in its load order; one that does
 * not is left as it is.
 */
export async function replay(source: Source, id: string, tools: LoadTools): Promise<IngestResult> {
  return withJob(tools, async (job) => {
    const written: WrittenBatch[] = [];
    for (const batch of await loadedWithRejects(job.ledger, source.name, id)) {
      job.signal.throwIfAborted();
      const better = await replayBatch(source, batch, job);
      if (better) written.push(better);
    }
    return written;
  });
}

async function replayBatch(source: Source, batch: LoadedBatch, job: Job): Promise<WrittenBatch | undefined> {
  const file = await fetchOriginal(job.store, batch, job.folder);
  try {
    const { contentHash, byteCount } = batch;
    const content = {
      source: source.name,
      contentHash,
      byteCount,
      sourceFile: batch.sourceFile,
      runId: job.runId,
    };
    const known = (await findKnown(job.ledger, source.name, [contentHash]))(contentHash);
    const unchanged = async () => undefined;
    const written = await loadContent(
      source,
      file,
      { content, known, replaces: batch.batchId, unchanged },
      job,
    );
    // Without a group, it never waits.
    if (written === undefined) throw new Error(`${batch.batchId}: not written`);
    const { rowsQuarantined } = written.counts;
    if (rowsQuarantined < batch.rowsQuarantined) return written;
    await dropClaim(job.ledger, written.claim);
    const message = `${source.name}: ${batch.sourceFile}: still ${rowsQuarantined} rows in quarantine, left as it was`;
    job.report.info("unchanged", message, { batchId: batch.batchId });
    return undefined;
  } finally {
    await rm(file.path, { force: true });
  }
}
