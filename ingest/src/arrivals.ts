/** What arrived: objects are downloaded, each file is hashed, and the ledger asked about many hashes at once. */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Source } from "./config.ts";
import type { Job } from "./ingest.ts";
import { type Claim, findKnown } from "./ledger.ts";
import type { Content } from "./load.ts";
import type { Delivered } from "./objects/delivered.ts";
import { loadedObjects, rememberObjects } from "./objects/memory.ts";
import { hashFile, watchFile } from "./read/identity.ts";
import type { SourceFile } from "./read/record.ts";

/** A delivery with its size in bytes. */
export interface Sized {
  delivery: Delivered;
  byteCount: number;
}

/** Its bytes, here for the time of its load; or why they cannot be read; or the batch of an object that is known. */
export type Arrival = Sized &
  (
    | { file: SourceFile; content: Content }
    | { error: unknown }
    | { loaded: Pick<Claim, "batchId" | "state"> }
  );

type Tools = Pick<Job, "ledger" | "buckets" | "folder" | "runId" | "signal" | "again" | "progress">;

/** What is here before the first of it is loaded. A large file stands alone: it is loaded while it is still cached. */
const batchFiles = 256;
const batchBytes = 67_108_864;
/** Each download and each hash has a buffer of its own. */
const atOnce = 4;

/** With their sizes as they are now; 0 for a file that cannot be read, which its load will tell. */
export const sized = (deliveries: readonly Delivered[]): Promise<Sized[]> =>
  Promise.all(
    deliveries.map(async (delivery) => {
      if ("key" in delivery) return { delivery, byteCount: delivery.byteCount };
      const status = await stat(delivery.path).catch(() => ({ size: 0 }));
      return { delivery, byteCount: status.size };
    }),
  );

/** The deliveries of a source in their order. An object's local file goes when the next arrival is asked for. */
export async function* arrivals(
  source: Source,
  deliveries: readonly Sized[],
  tools: Tools,
): AsyncGenerator<Arrival> {
  const remembered = await loadedObjects(
    tools.ledger,
    source.name,
    deliveries.map(({ delivery }) => delivery),
  );
  const loadedOf = ({ hostPath }: Delivered) =>
    tools.again === hostPath ? undefined : remembered.get(hostPath);
  for (const batch of batchesOf(deliveries)) {
    tools.signal.throwIfAborted();
    const hashed = await mapInOrder(batch, async (one, index): Promise<Hashed | Arrival> => {
      const loaded = loadedOf(one.delivery);
      if (loaded) return { ...one, loaded };
      return hash(one, join(tools.folder, `download.${index}`), source, {
        ...tools,
        // Beside others it is small, and done before anyone could read about it.
        stage: batch.length === 1 ? tools.progress.stage.bind(tools.progress, source.name) : undefined,
      });
    });
    await rememberObjects(tools.ledger, hashed.flatMap(objectOf));
    const hashes = hashed.flatMap((found) => ("hashed" in found ? found.hashed.content.contentHash : []));
    const known = await findKnown(tools.ledger, source.name, hashes);
    for (const found of hashed) {
      if (!("hashed" in found)) {
        yield found;
        continue;
      }
      const { hashed: content, ...rest } = found;
      yield { ...rest, content: { ...content, known: known(content.content.contentHash) } };
      if ("key" in found.delivery) await rm(found.file.path, { force: true });
    }
  }
}

const objectOf = (found: Hashed | Arrival) =>
  "hashed" in found && "key" in found.delivery
    ? [{ object: found.delivery, contentHash: found.hashed.content.contentHash }]
    : [];

type Hashed = Sized & { file: SourceFile; hashed: Omit<Content, "known"> };

/** Begins to show what is done with the file; the answer is to be told how far that is. */
type Stage = (what: string, byteCount: number) => (bytes: number) => void;

/** `path`: where an object is downloaded to. */
async function hash(
  { delivery, byteCount }: Sized,
  path: string,
  source: Source,
  { buckets, runId, signal, stage }: Tools & { stage: Stage | undefined },
): Promise<Hashed | Arrival> {
  try {
    const isObject = "key" in delivery;
    const downloaded = stage?.("download", byteCount);
    if (isObject) await buckets(delivery.bucket).download(delivery, path, signal, downloaded);
    const file = isObject ? { path, hostPath: delivery.hostPath } : delivery;
    const unchanged = await watchFile(file);
    const hashed = stage?.("hash", byteCount);
    const found = await hashFile(file, (bytes) => {
      signal.throwIfAborted();
      hashed?.(bytes);
    });
    const content = { ...found, source: source.name, sourceFile: file.hostPath, runId };
    return { delivery, byteCount, file, hashed: { content, unchanged } };
  } catch (error) {
    return { delivery, byteCount, error };
  }
}

function* batchesOf(deliveries: readonly Sized[]): Generator<Sized[]> {
  let batch: Sized[] = [];
  let bytes = 0;
  for (const one of deliveries) {
    if (batch.length > 0 && (batch.length === batchFiles || bytes + one.byteCount > batchBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(one);
    bytes += one.byteCount;
  }
  if (batch.length > 0) yield batch;
}

/** `work` on all items, some at once; the answers in the order of the items. */
async function mapInOrder<Item, Answer>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = new Array(items.length);
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) answers[index] = await work(item, index);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return answers;
}
