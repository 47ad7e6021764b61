/** Small files share objects: what each has waits on local disk, then a group of them becomes one object per table. */
import { createHash, randomBytes } from "node:crypto";
import { readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Background } from "../background.ts";
import type { Claim, Counts } from "../ledger.ts";
import { plainDialect, type RecordDialect } from "../read/record.ts";
import type { Store } from "../store.ts";
import {
  bucket,
  copyCounted,
  countsOf,
  type Delivery,
  leastPartBytes,
  originalKey,
  partsOf,
  type ReadTools,
  readRecords,
} from "./batch.ts";
import type { Engine } from "./engine.ts";
import {
  copyRejectsOfMany,
  copyRowsOfMany,
  countPerBatch,
  mergeParquet,
  type SharedRecords,
} from "./parquet.ts";
import type { RejectSummary } from "./parts.ts";
import type { WrittenBatch } from "./visible.ts";

/** A larger file has objects of its own: it may be cut into several parts. */
export const smallFileBytes = leastPartBytes;
/** Whichever comes first fills a group; bounds the temporary disk, and what a kill makes to be read again. */
const groupBytes = 67_108_864;
const groupFiles = 1000;
/** A store takes longer to answer for a small object than to take it. */
const uploadsAtOnce = 8;

interface GroupTools {
  store: Store;
  engine: Engine;
  folder: string;
}

/** Records of one file that wait, and how they are written. */
interface Waiting {
  claim: Claim;
  path: string;
  dialect: RecordDialect;
  /** As bronze names them. */
  columns: readonly string[];
  recordCount: number;
  rowCount: number;
  /** The number in its own file of the record before the first one. */
  recordsBefore: number;
}

interface Member {
  claim: Claim;
  columns: string[];
  counts: Counts;
  byteCount: number;
  rows: Waiting[];
  rejects: Waiting | undefined;
}

export class Group {
  readonly #tools: GroupTools;
  /** One for all files, so that DuckDB reads them with the same options: nobody can have guessed it. */
  readonly #mark = randomBytes(32).toString("hex");
  readonly #uploads = new Background(uploadsAtOnce);
  #members: Member[] = [];
  #byteCount = 0;
  #fileCount = 0;

  constructor(tools: GroupTools) {
    this.#tools = tools;
  }

  get isFull(): boolean {
    return this.#byteCount >= groupBytes || this.#members.length >= groupFiles;
  }

  /** Reads a small file as a member. Nothing of it but its original is on the store before `flush`. */
  async read(
    delivery: Delivery,
    tools: Pick<ReadTools, "onRead" | "signal">,
  ): Promise<{ counts: Counts; rejectSummary: RejectSummary }> {
    const { claim, names } = delivery;
    const rows: Waiting[] = [];
    const keep = (path: string) => this.#keep(path);
    const readTools = { ...this.#tools, ...tools };
    const parts = partsOf(delivery, readTools, this.#mark, async ({ records, number, ...part }) => {
      const { dialect } = records;
      rows[number] = { claim, dialect, columns: names, ...part, path: await keep(records.path) };
    });
    try {
      await readRecords(delivery, parts, readTools);
      await this.#keepOriginal(delivery);
      const counts = countsOf(parts);
      const rejects = parts.rejects && {
        ...{ claim, dialect: plainDialect, columns: [], recordsBefore: 0 },
        ...{ recordCount: parts.rejectCount, rowCount: parts.rejectCount },
        path: await keep(parts.rejects.path),
      };
      const { byteCount } = delivery;
      this.#members.push({ claim, columns: [...names], counts, byteCount, rows, rejects });
      this.#byteCount += byteCount;
      return { counts, rejectSummary: parts.rejectSummary };
    } catch (error) {
      await remove(rows);
      throw error;
    } finally {
      await parts.remove();
    }
  }

  /** Forgets the member that was read last: it is held back. Its original is on the store then. */
  async discardLast(): Promise<void> {
    await this.#uploads.done();
    const member = this.#members.pop();
    if (!member) return;
    this.#byteCount -= member.byteCount;
    await remove(waitingOf(member));
  }

  /** Uploads what has come together, and answers the batches with the locations of what they share. */
  async flush(): Promise<WrittenBatch[]> {
    const members = this.#members;
    this.#members = [];
    this.#byteCount = 0;
    try {
      await this.#uploads.done();
      const rows = await this.#putRows(members);
      const rejects = await this.#putRejects(members);
      return members.map((member) => ({
        claim: member.claim,
        columns: member.columns,
        counts: member.counts,
        rows: member.rows.length > 0 && rows !== undefined ? [rows] : [],
        rejects: member.rejects && rejects,
      }));
    } finally {
      await remove(members.flatMap(waitingOf));
    }
  }

  /** The bytes as they were hashed, in the background: they are in memory, so the file may go. */
  async #keepOriginal({ claim, file, unchanged }: Delivery): Promise<void> {
    const bytes = await readFile(file.path);
    await unchanged();
    await this.#uploads.room();
    this.#uploads.start(() => this.#tools.store.putBytes(bucket, originalKey(claim), bytes));
  }

  async #putRows(members: readonly Member[]): Promise<string | undefined> {
    const waiting = members.flatMap(({ rows }) => rows);
    if (waiting.length === 0) return undefined;
    const key = keyOf("rows", waiting);
    const target = this.#newPath();
    // One COPY reads files of the same columns and the same dialect.
    const alike = Map.groupBy(waiting, ({ columns, dialect }) => JSON.stringify([columns, dialect]));
    const files: string[] = [];
    try {
      for (const part of alike.values()) {
        const file = alike.size === 1 ? target : this.#newPath();
        files.push(file);
        const [{ dialect, columns }] = part as [Waiting, ...Waiting[]];
        const statement = copyRowsOfMany(shared(part), { dialect, columns, mark: this.#mark }, file);
        await copyCounted(this.#tools.engine, statement, { key, rowCount: rowCountOf(part) });
      }
      if (alike.size > 1) {
        files.push(target);
        const rowCount = rowCountOf(waiting);
        await copyCounted(this.#tools.engine, mergeParquet(files.slice(0, -1), target), { key, rowCount });
      }
      await this.#checkNumbers(target, members, key);
      await this.#tools.store.putFile(bucket, key, target);
    } finally {
      for (const file of files) await rm(file, { force: true });
    }
    return `s3://${bucket}/${key}`;
  }

  async #putRejects(members: readonly Member[]): Promise<string | undefined> {
    const waiting = members.flatMap(({ rejects }) => rejects ?? []);
    const [first] = waiting;
    if (first === undefined) return undefined;
    const key = keyOf("quarantine", waiting);
    const target = this.#newPath();
    try {
      const statement = copyRejectsOfMany(shared(waiting), first.claim.source, target);
      await copyCounted(this.#tools.engine, statement, { key, rowCount: rowCountOf(waiting) });
      await this.#tools.store.putFile(bucket, key, target);
    } finally {
      await rm(target, { force: true });
    }
    return `s3://${bucket}/${key}`;
  }

  /** Whether each row is counted to its own file: DuckDB may have read the files in another order. */
  async #checkNumbers(file: string, members: readonly Member[], key: string): Promise<void> {
    const found = await this.#tools.engine.rows(countPerBatch(file));
    const byBatch = new Map(found.map(([batchId, ...numbers]) => [batchId, numbers.map(Number)]));
    for (const { claim, counts } of members) {
      const [rowCount = 0, least = 1, greatest = 0] = byBatch.get(claim.batchId) ?? [];
      if (rowCount === counts.rowsAccepted && least >= 1 && greatest <= counts.rowsRead) continue;
      throw new Error(
        `write ${key}: expected ${counts.rowsAccepted} rows of ${claim.sourceFile}, numbered within 1 to ${counts.rowsRead}; ${rowCount} were written, numbered ${least} to ${greatest}`,
      );
    }
  }

  /** Keeps a temporary file that its maker would remove. */
  async #keep(path: string): Promise<string> {
    const kept = this.#newPath();
    await rename(path, kept);
    return kept;
  }

  #newPath(): string {
    return join(this.#tools.folder, `group.${this.#fileCount++}`);
  }
}

/** The records of each file are numbered as they follow each other in all of them. */
function shared(waiting: readonly Waiting[]): SharedRecords[] {
  let recordsBefore = 0;
  return waiting.map(({ path, claim, recordCount, ...own }) => {
    const numberOffset = own.recordsBefore - recordsBefore;
    recordsBefore += recordCount;
    return { path, claim, numberOffset };
  });
}

const rowCountOf = (waiting: readonly Waiting[]) => waiting.reduce((sum, { rowCount }) => sum + rowCount, 0);

const waitingOf = ({ rows, rejects }: Member) => (rejects ? [...rows, rejects] : rows);

async function remove(waiting: readonly Waiting[]): Promise<void> {
  for (const { path } of waiting) await rm(path, { force: true });
}

/** Named by all of its batches; one that is alone has the name that it would have without a group. */
function keyOf(folder: "rows" | "quarantine", waiting: readonly Waiting[]): string {
  const ids = [...new Set(waiting.map(({ claim }) => claim.batchId))];
  const [id, ...others] = ids;
  const own = folder === "rows" ? `${id}-000` : id;
  const name =
    others.length === 0 ? own : `group-${createHash("sha256").update(ids.join("\n")).digest("hex")}`;
  return `${folder}/${waiting[0]?.claim.source}/${name}.parquet`;
}
