/** Small files share objects: each is written alone on local disk, then a group of them becomes one object per table. */
import { createHash } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Written } from "../ledger.ts";
import type { Store } from "../store.ts";
import { bucket, copyCounted, leastPartBytes } from "./batch.ts";
import type { Engine } from "./engine.ts";
import { mergeParquet } from "./parquet.ts";
import type { WrittenBatch } from "./visible.ts";

/** A larger file has objects of its own: it may be cut into several parts. */
export const smallFileBytes = leastPartBytes;
/** Whichever comes first fills a group; bounds the temporary disk, and what a kill makes to be read again. */
const groupBytes = 67_108_864;
const groupFiles = 1000;

interface GroupTools {
  store: Store;
  engine: Engine;
  folder: string;
}

export class Group {
  /** Takes originals like the real store; Parquet files stay here until `flush`. */
  readonly store: Store;
  readonly #tools: GroupTools;
  readonly #files = new Map<string, string>();
  #members: WrittenBatch[] = [];
  #byteCount = 0;

  constructor(tools: GroupTools) {
    this.#tools = tools;
    this.store = {
      ...tools.store,
      putFile: (bucketName, key, file) =>
        key.startsWith("originals/") ? tools.store.putFile(bucketName, key, file) : this.#keep(key, file),
    };
  }

  get isFull(): boolean {
    return this.#byteCount >= groupBytes || this.#members.length >= groupFiles;
  }

  has(batchId: string): boolean {
    return this.#members.some(({ claim }) => claim.batchId === batchId);
  }

  /** A batch that was written through `store`. */
  add(batch: WrittenBatch, byteCount: number): void {
    this.#members.push(batch);
    this.#byteCount += byteCount;
  }

  /** Forgets what a batch that is held back has written. */
  async discard({ rows, rejects }: Written): Promise<void> {
    for (const location of locationsOf(rows, rejects)) await rm(this.#take(location), { force: true });
  }

  /** Uploads what has come together, and answers the batches with the locations of what they share. */
  async flush(): Promise<WrittenBatch[]> {
    const members = this.#members;
    this.#members = [];
    this.#byteCount = 0;
    const rows = await this.#upload(
      members.flatMap((batch) => batch.rows),
      sum(members.map(({ counts }) => counts.rowsAccepted)),
    );
    const rejects = await this.#upload(
      members.flatMap((batch) => batch.rejects ?? []),
      sum(members.map(({ counts }) => counts.rowsQuarantined)),
    );
    return members.map((batch) => ({
      ...batch,
      rows: batch.rows.length > 0 ? rows : [],
      rejects: batch.rejects === undefined ? undefined : rejects[0],
    }));
  }

  async #upload(locations: string[], rowCount: number): Promise<string[]> {
    const [first, ...others] = locations;
    if (first === undefined) return [];
    const files = locations.map((location) => this.#take(location));
    const isAlone = others.length === 0;
    const key = isAlone ? keyOf(first) : sharedKey(locations);
    const target = isAlone ? this.#take(first) : join(this.#tools.folder, "group.parquet");
    try {
      if (!isAlone) await copyCounted(this.#tools.engine, mergeParquet(files, target), { key, rowCount });
      await this.#tools.store.putFile(bucket, key, target);
    } finally {
      for (const file of [...files, target]) await rm(file, { force: true });
    }
    return [`s3://${bucket}/${key}`];
  }

  async #keep(key: string, file: string): Promise<void> {
    const kept = join(this.#tools.folder, `kept.${this.#files.size}.${basename(file)}`);
    await rename(file, kept);
    this.#files.set(key, kept);
  }

  #take(location: string): string {
    const file = this.#files.get(keyOf(location));
    if (file === undefined) throw new Error(`${location}: not written through this group`);
    return file;
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((left, right) => left + right, 0);

const locationsOf = (rows: readonly string[], rejects: string | undefined) =>
  rejects === undefined ? [...rows] : [...rows, rejects];

const keyOf = (location: string) => location.replace(`s3://${bucket}/`, "");

/** In the folder of the first one, named by all of them. */
function sharedKey(locations: readonly string[]): string {
  const folder = keyOf(locations[0] ?? "").replace(/[^/]*$/, "");
  return `${folder}group-${createHash("sha256").update(locations.join("\n")).digest("hex")}.parquet`;
}
