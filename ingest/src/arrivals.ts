/** What arrived: each file is hashed, and the ledger asked about many hashes at once. */
import { stat } from "node:fs/promises";
import type { Source } from "./config.ts";
import type { Job } from "./ingest.ts";
import { findKnown, neverCame } from "./ledger.ts";
import type { Content } from "./load.ts";
import { hashFile, watchFile } from "./read/identity.ts";
import type { SourceFile } from "./read/record.ts";

/** A file with its size in bytes. */
export interface SizedFile {
  file: SourceFile;
  byteCount: number;
}

/** Its bytes and what is known of them, or why it could not be read. */
export type Arrival = SizedFile & ({ content: Content } | { error: unknown });

/** What is hashed before the first of it is loaded. A large file stands alone: it is loaded while it is still cached. */
const batchFiles = 256;
const batchBytes = 67_108_864;
/** Each hash reads with a buffer of its own. */
const hashedAtOnce = 4;

/** With their sizes as they are now; 0 for a file that cannot be read, which its load will tell. */
export const sized = (files: readonly SourceFile[]): Promise<SizedFile[]> =>
  Promise.all(
    files.map(async (file) => ({
      file,
      byteCount: await stat(file.path).then(
        ({ size }) => size,
        () => 0,
      ),
    })),
  );

/** The files of a source in their order. */
export async function* arrivals(
  source: Source,
  files: readonly SizedFile[],
  job: Pick<Job, "ledger" | "runId" | "signal">,
): AsyncGenerator<Arrival> {
  for (const batch of batchesOf(files)) {
    job.signal.throwIfAborted();
    const hashed = await mapInOrder(batch, hashedAtOnce, (file) => hash(file, source, job.runId));
    const hashes = hashed.flatMap((found) => ("content" in found ? found.content.content.contentHash : []));
    const known = await findKnown(job.ledger, source.name, hashes);
    for (const found of hashed) {
      if ("error" in found) yield found;
      else {
        const { content } = found.content;
        yield {
          ...found,
          content: { ...found.content, known: known.get(content.contentHash) ?? neverCame },
        };
      }
    }
  }
}

async function hash(
  { file, byteCount }: SizedFile,
  source: Source,
  runId: string,
): Promise<SizedFile & ({ content: Omit<Content, "known"> } | { error: unknown })> {
  try {
    const unchanged = await watchFile(file);
    const found = await hashFile(file);
    const content = { ...found, source: source.name, sourceFile: file.hostPath, runId };
    return { file, byteCount, content: { content, unchanged } };
  } catch (error) {
    return { file, byteCount, error };
  }
}

function* batchesOf(files: readonly SizedFile[]): Generator<SizedFile[]> {
  let batch: SizedFile[] = [];
  let bytes = 0;
  for (const file of files) {
    if (batch.length > 0 && (batch.length === batchFiles || bytes + file.byteCount > batchBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(file);
    bytes += file.byteCount;
  }
  if (batch.length > 0) yield batch;
}

/** `work` on all items, at most `atOnce` at a time; the answers in the order of the items. */
async function mapInOrder<Item, Answer>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = new Array(items.length);
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) answers[index] = await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return answers;
}
