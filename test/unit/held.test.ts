/**
 * Deliveries that are held back: their bytes are kept, once, before the ledger says that they wait for somebody. Those that
 * are refused leave no claim.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Engine, openEngine } from "../../ingest/src/bronze/engine.ts";
import { Group } from "../../ingest/src/bronze/group.ts";
import { loadPipeline, type Source } from "../../ingest/src/config.ts";
import { Schemas } from "../../ingest/src/drift/registry.ts";
import type { Job } from "../../ingest/src/ingest.ts";
import { loadContent } from "../../ingest/src/load.ts";
import { Progress } from "../../ingest/src/progress.ts";
import { hashFile } from "../../ingest/src/read/identity.ts";
import { StatementError } from "../../ingest/src/trino.ts";
import { createLoader, type Loader } from "../fixtures/load.ts";

let loader: Loader;
let engine: Engine;
let happened: string[];
beforeEach(async () => {
  loader = await createLoader();
  const folder = join(loader.folder, "held");
  mkdirSync(folder);
  engine = await openEngine(folder);
  happened = [];
  loader.store.before = async (operation) => {
    // the store takes its time
    await new Promise((done) => setTimeout(done, 50));
    happened.push(operation.replace(/[0-9a-f]{64}/, "ID"));
  };
});
afterEach(async () => {
  engine.close();
  await loader.close();
});

/** The source `views` with these options. */
function sourceWith(options: string): Source {
  const entry = `source: {views: {path: a.csv, ${options}}}`;
  const { sources } = loadPipeline(entry, { file: "pipeline.yaml", baseFolder: "/d", env: {} });
  return sources[0] as Source;
}
const frozen = sourceWith("drift: freeze");
const report = { info() {}, warn() {}, error() {}, progress() {} };

/** The claim that the ledger gives, and every change that it hears of. */
const ledger = {
  query: async (sql: string, values: unknown[] = []) => {
    if (sql.includes("'held'")) happened.push("held");
    if (sql.includes("delete from ledger.batch")) happened.push("forgotten");
    const [name, batchId] = values;
    const row = {
      source: name,
      batch_id: batchId,
      source_file: "/d/a.csv",
      claimed_at: new Date(),
      state: "claimed",
    };
    return {
      rows: sql.includes("insert into ledger.batch")
        ? [{ ...row, restatement: 0, released_at: null, replaces: null }]
        : [],
    };
  },
};

/** Trino, which answers every statement with this error. */
const failing = (errorName: string) => ({
  query: async () => {
    throw new StatementError(`trino: ${errorName}`, { errorName, errorType: "USER_ERROR" });
  },
});
let trino = failing("TABLE_NOT_FOUND");

interface LoadOptions {
  source?: Source;
  signal?: AbortSignal;
  name?: string;
}
async function load(
  content: string | Buffer,
  isAlone: boolean,
  { source = frozen, signal = new AbortController().signal, name = "a.csv" }: LoadOptions = {},
): Promise<void> {
  const file = { path: join(loader.folder, name), hostPath: `/d/${name}` };
  writeFileSync(file.path, content);
  const { contentHash, byteCount } = await hashFile(file);
  const tools = { store: loader.store, engine, folder: join(loader.folder, "held") };
  const columns = ["a", "b"].map((name) => ({ name, required: true }));
  const schemas = new Schemas(new Map([["views", { version: 1, columns }]]));
  const progress = new Progress(report);
  const job = { ...tools, schemas, progress, report, ledger, trino, signal };
  const delivered = { source: "views", sourceFile: file.hostPath, runId: "run", contentHash, byteCount };
  const known = { newest: undefined, nextRestatement: 0 };
  const delivery = { content: delivered, known, unchanged: async () => undefined };
  const group = isAlone ? undefined : new Group(tools);
  await loadContent(source, file, delivery, job as unknown as Job, group);
}

const broken = `a,b\n${"1\n".repeat(20)}`;
it.each([
  { what: "for its rows, in a group", content: broken, isAlone: false },
  { what: "for its columns", content: "a\n1\n", isAlone: false },
])("should be kept before they are held: $what", async ({ content, isAlone }) => {
  await expect(load(content, isAlone)).rejects.toMatchObject({ exitCode: 3 });
  expect(happened).toEqual(["put originals/views/ID", "held"]);
});

it("should be kept once: for its rows, alone", async () => {
  await expect(load(broken, true)).rejects.toMatchObject({ exitCode: 3 });
  expect(happened.filter((operation) => operation.startsWith("put originals"))).toHaveLength(1);
  expect(happened.at(-1)).toBe("held");
});

it("should be refused before it is claimed if 'rename' gives two columns one name", async () => {
  await expect(load("x,a,b\n1,2,3\n", true, { source: sourceWith("rename: {x: a}") })).rejects.toMatchObject({
    exitCode: 3,
    message: "/d/a.csv: columns 'x' and 'a' would both be 'a': expected one of them",
    next: "have one of them left out of the file, or change the source's rename to 'a' in pipeline.yaml",
  });
  expect(happened).toEqual([]);
});

it.each(["SCHEMA_NOT_FOUND", "TABLE_NOT_FOUND", "COLUMN_NOT_FOUND"])(
  "should be compared by names alone where nothing is loaded yet: %s",
  async (errorName) => {
    trino = failing(errorName);
    await expect(load("a,b2\n1,2\n", true)).rejects.toMatchObject({ exitCode: 3 });
    expect(happened.at(-1)).toBe("held");
  },
);

it("should not be compared by names alone because Trino has no answer now", async () => {
  trino = failing("EXCEEDED_TIME_LIMIT");
  await expect(load("a,b2\n1,2\n", true)).rejects.toMatchObject({ errorName: "EXCEEDED_TIME_LIMIT" });
  expect(happened).toEqual([]);
});

it("should be left by an interruption while their columns are looked for, which may take a whole file", async () => {
  const interruption = new Error("interrupted");
  const numbers = `[${"1,".repeat(2_000_000)}1]`;
  const reading = load(numbers, true, {
    source: sourceWith("format: json"),
    signal: AbortSignal.abort(interruption),
  });
  // Read to its end the file is refused: it has no object.
  await expect(reading).rejects.toBe(interruption);
});
it.each([true, false])("should be forgotten when they are refused half way: alone %s", async (isAlone) => {
  const line = (_: unknown, row: number) => `${row},${Math.sin(row)}`;
  const whole = gzipSync(`a,b\n${Array.from({ length: 50_000 }, line).join("\n")}\n`);
  const cutOff = whole.subarray(0, whole.length - 100);
  await expect(load(cutOff, isAlone, { name: "a.csv.gz" })).rejects.toMatchObject({ exitCode: 3 });
  expect(happened.at(-1)).toBe("forgotten");
});

it("should stay claimed when a service fails: the next run goes on", async () => {
  loader.store.before = () => Promise.reject(new Error("the store went away"));
  await expect(load("a,b\n1,2\n", true)).rejects.toThrow("the store went away");
  expect(happened).toEqual([]);
});
