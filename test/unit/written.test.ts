/** What the ledger notes when the rows of a delivery are written, and what the next run makes of the note. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Engine, openEngine } from "../../ingest/src/bronze/engine.ts";
import { Group, smallFileBytes } from "../../ingest/src/bronze/group.ts";
import type { WrittenBatch } from "../../ingest/src/bronze/visible.ts";
import { loadPipeline, type Source } from "../../ingest/src/config.ts";
import { Schemas } from "../../ingest/src/drift/registry.ts";
import { type IngestTools, ingest, type Job } from "../../ingest/src/ingest.ts";
import type { Claim, Known } from "../../ingest/src/ledger.ts";
import { flushGroup, loadContent } from "../../ingest/src/load.ts";
import { Progress, type ProgressState } from "../../ingest/src/progress.ts";
import { hashFile } from "../../ingest/src/read/identity.ts";
import { createLoader, fileOf, type Loader } from "../fixtures/load.ts";
import { readParquet } from "../fixtures/parquet.ts";

/** A note of written batches: whose, with what columns, and the versions that are registered with it. */
interface Note {
  batches: { batchId: string; rowColumns: string[] }[];
  versions: { version: number; origin: string; columns: { name: string }[] }[];
}

let loader: Loader;
let engine: Engine;
let temporary: string;
let notes: Note[];
let announced: string[];
let told: string[];
/** What the bar shows, and its clock, which goes so fast that it shows everything. */
let shown: unknown[];
let shownMs: number;
/** The ledger's row of every claim, beside what a new one has. */
let claimed: Record<string, unknown>;
/** The job of one run. */
let job: Job;
let group: Group;

const ledger = {
  query: async (sql: string, values: unknown[] = []) => {
    if (sql.includes("set state = 'written'")) {
      const [batches, versions] = values.map((value) => JSON.parse(String(value).replace(/^run$/, "[]")));
      notes.push({ batches, versions });
    }
    const isOne = /insert into ledger.batch|where source = \$1 and batch_id = \$2/.test(sql);
    const [source, batchId] = values;
    const fresh = { source, batch_id: batchId, state: "claimed", restatement: 0, claimed_at: new Date() };
    const without = { source_file: "/d/a.csv", released_at: null, replaces: null, erased_at: null };
    return { rows: isOne ? [{ ...fresh, ...without, ...claimed }] : [] };
  },
  end: async () => undefined,
};
const trino = { query: async () => ({ rows: [] }) };
const report = {
  info: (event: string, message: string) => void told.push(`${event}: ${message}`),
  warn: (event: string, message: string) => void announced.push(`${event}: ${message}`),
  error() {},
  progress() {},
};

beforeEach(async () => {
  loader = await createLoader();
  temporary = join(loader.folder, "written");
  mkdirSync(temporary);
  engine = await openEngine(temporary);
  [notes, announced, told, shown, shownMs, claimed] = [[], [], [], [], 0, {}];
  const tools = { store: loader.store, engine, folder: temporary };
  const signal = new AbortController().signal;
  const run = {
    schemas: new Schemas(),
    progress: new Progress(
      { ...report, progress: (_, fields) => void shown.push(fields) },
      () => (shownMs += 100),
    ),
    report,
    ledger,
    trino,
    signal,
    runId: "run",
  };
  job = { ...tools, ...run } as unknown as Job;
  group = new Group(tools);
});
afterEach(async () => {
  engine.close();
  await loader.close();
});

/** The source `views` with these options; `paths` relative to the loader's folder. */
function sourceWith(options = "", path = "a.csv"): Source {
  const entry = `source: {views: {path: ${path}${options && `, ${options}`}}}`;
  const where = { file: "pipeline.yaml", baseFolder: loader.folder, env: {} };
  return loadPipeline(entry, where).sources[0] as Source;
}

interface Delivered {
  source?: Source;
  name?: string;
  known?: Known;
  isAlone?: boolean;
}
async function load(
  content: string | Buffer,
  { source = sourceWith(), name = "a.csv", known, isAlone = false }: Delivered = {},
): Promise<WrittenBatch | undefined> {
  const file = { path: join(loader.folder, name), hostPath: `/d/${name}` };
  writeFileSync(file.path, content);
  const hashed = await hashFile(file);
  const delivered = { source: "views", sourceFile: file.hostPath, runId: "run", ...hashed };
  const neverCame = { newest: undefined, nextRestatement: 0 };
  const unchanged = async () => undefined;
  const delivery = { content: delivered, known: known ?? neverCame, unchanged };
  return loadContent(source, file, delivery, job, isAlone ? undefined : group);
}

/** The versions of all notes, in short. */
const registered = () =>
  notes.flatMap(({ versions }) =>
    versions.map(
      ({ version, origin, columns }) => `${version} ${origin}: ${columns.map(({ name }) => name).join(" ")}`,
    ),
  );
const good = "a,b\n1,2\n";
const broken = `a,b,c\n${"1\n".repeat(20)}`;
const halved = () => {
  const rows = Array.from({ length: 50_000 }, (_, row) => `${row},${Math.sin(row)},1`);
  return gzipSync(`a,b,c\n${rows.join("\n")}\n`).subarray(0, -100);
};

describe("a version of a schema", () => {
  it.each([
    { what: "held back, alone", content: () => broken, name: "a.csv", isAlone: true },
    { what: "held back, in a group", content: () => broken, name: "a.csv", isAlone: false },
    { what: "cut off, alone", content: halved, name: "a.csv.gz", isAlone: true },
    { what: "cut off, in a group", content: halved, name: "a.csv.gz", isAlone: false },
  ])("should not come from a delivery that is not loaded: $what", async ({ content, name, isAlone }) => {
    await expect(load(content(), { name, isAlone })).rejects.toMatchObject({ exitCode: 3 });
    await load(good, { isAlone });
    if (!isAlone) await flushGroup(sourceWith(), group, job);
    expect(registered()).toEqual(["1 first delivery: a b"]);
    expect(announced).toEqual([]);
  });

  it.each([true, false])("should not be announced for one that is held back, alone: %s", async (isAlone) => {
    await load(good, { isAlone });
    await expect(load(broken, { name: "b.csv", isAlone })).rejects.toMatchObject({ exitCode: 3 });
    expect(announced).toEqual([]);
    await load("a,b,c\n1,2,3\n", { name: "c.csv", isAlone });
    expect(announced).toEqual([
      "unexpected_columns: views: /d/c.csv: kept unexpected columns c, schema version 2",
    ]);
  });

  it("should not come from a delivery whose run ended before it was written", async () => {
    loader.store.before = () => Promise.reject(new Error("the store went away"));
    await expect(load(good, { isAlone: true })).rejects.toThrow("the store went away");
    expect(job.schemas.newest("views")).toBeUndefined();
    expect(job.schemas.hasUnregistered("views")).toBe(false);
  });

  it("should count for the next delivery at once, and be registered when its own is written", async () => {
    await load(good);
    await load("a,b,c\n1,2,3\n", { name: "b.csv" });
    await load("a,b,c\n4,5,6\n", { name: "c.csv" });
    expect(notes).toEqual([]);
    await flushGroup(sourceWith(), group, job);
    expect(registered()).toEqual(["1 first delivery: a b", "2 /d/b.csv: a b c"]);
    expect(announced).toEqual([
      "unexpected_columns: views: /d/b.csv: kept unexpected columns c, schema version 2",
    ]);
    await load("a,b,c\n7,8,9\n", { name: "d.csv", isAlone: true });
    expect(notes.at(-1)?.versions).toEqual([]);
  });

  it("should come from a released delivery as that one was measured, without what it adds", async () => {
    claimed = { released_at: new Date() };
    await load(broken, { isAlone: true });
    await load("a,b,c,d\n1,2,3,4\n", { name: "b.csv", isAlone: true });
    expect(registered()).toEqual(["1 first delivery: a b c"]);
  });

  it("should be registered before that of a larger file, which is noted before the group", async () => {
    writeFileSync(join(loader.folder, "1.csv"), good);
    const rowCount = Math.ceil(smallFileBytes / 6) + 1;
    writeFileSync(join(loader.folder, "2.csv"), `a,b,c\n${"1,2,3\n".repeat(rowCount)}`);
    const run = { ...job, contracts: [], configuration: "/d/pipeline.yaml", hostRoot: "/" };
    await ingest([sourceWith("", "'*.csv'")], run as unknown as IngestTools);
    expect(
      notes.map(({ batches, versions }) => [batches.length, versions.map((one) => one.version)]),
    ).toEqual([
      [1, [1]],
      [1, [2]],
    ]);
  });
});

describe("a file that is read twice", () => {
  const megabytes = 3;
  const record = `{"a": "${"x".repeat(985)}"}`;
  const content = `[${Array.from({ length: megabytes * 1000 }, () => record).join(",\n")}]`;

  it.each(["json", "ndjson"])(
    "should be seen to be read while its columns are looked for: %s",
    async (format) => {
      const text = format === "json" ? content : content.slice(1, -1).replaceAll("},", "}");
      job.progress.plan([text.length]);
      job.progress.begin("views", text.length);
      await load(text, { name: `a.${format}`, source: sourceWith(`format: ${format}`), isAlone: true });
      job.progress.end();
      const isUpload = (state: unknown) => (state as { what?: string }).what === "upload";
      expect(shown.filter(isUpload)).toMatchObject([{ bytes: { done: text.length, all: text.length } }]);
      const states = shown.filter((state) => !isUpload(state)) as ProgressState[];
      const done = states.map(({ bytes }) => bytes.done);
      expect(done).toEqual(done.toSorted((left, right) => left - right));
      const beforeRows = states.filter(({ rows }) => rows === 0).map(({ bytes }) => bytes.done);
      expect(new Set(beforeRows).size).toBeGreaterThan(megabytes);
      expect(Math.max(...beforeRows)).toBeGreaterThanOrEqual(text.length / 2);
      expect(done.at(-1)).toBe(text.length);
    },
  );
});

describe("a batch that was written", () => {
  const known = { newest: { state: "written" } as Claim, nextRestatement: 1 };
  const written = {
    state: "written",
    rows_read: 1,
    rows_accepted: 1,
    rows_quarantined: 0,
    row_objects: ["s3://o"],
  };

  it("should be noted with its columns as bronze has them", async () => {
    await load(good, { source: sourceWith("rename: {b: c}"), isAlone: true });
    await load(good, { source: sourceWith("rename: {b: c}") });
    await flushGroup(sourceWith(), group, job);
    expect(notes.map(({ batches }) => batches.map(({ rowColumns }) => rowColumns))).toEqual([
      [["a", "c"]],
      [["a", "c"]],
    ]);
  });

  it.each(["rename: {b: other}", "rename: {b: a}"])(
    "should keep its columns although pipeline.yaml was edited: %s",
    async (options) => {
      claimed = { ...written, row_columns: ["a", "c"] };
      expect(await load(good, { source: sourceWith(options), known })).toMatchObject({
        columns: ["a", "c"],
        rows: ["s3://o"],
      });
      expect(notes).toEqual([]);
    },
  );

  it("should have today's columns if the run that wrote its objects was killed before it noted them", async () => {
    const begun = { newest: { state: "claimed", restatement: 0 } as Claim, nextRestatement: 1 };
    const query: typeof ledger.query = async (sql, values) => {
      if (sql.includes("set state = 'written'")) throw new Error("killed");
      return ledger.query(sql, values);
    };
    job.ledger = { ...ledger, query } as unknown as Job["ledger"];
    await expect(load(good, { source: sourceWith("rename: {b: c}"), isAlone: true })).rejects.toThrow(
      "killed",
    );
    expect(loader.store.keys.size, "its rows and its original").toBe(2);
    job.ledger = ledger as unknown as Job["ledger"];
    const batch = await load(good, { source: sourceWith("rename: {b: other}"), known: begun, isAlone: true });
    expect(notes.map(({ batches }) => batches.map(({ rowColumns }) => rowColumns))).toEqual([
      [["a", "other"]],
    ]);
    const { columns } = await readParquet(fileOf(loader.folder, batch?.rows[0] ?? ""));
    expect(columns.filter((name) => !name.startsWith("_"))).toEqual(["a", "other"]);
  });

  it("should have today's columns if an earlier release wrote it", async () => {
    claimed = { ...written, row_columns: null };
    const batch = await load(good, { source: sourceWith("rename: {b: other}"), known });
    expect(batch?.columns).toEqual(["a", "other"]);
  });
});

describe("each file of a run", () => {
  it("should be told in a line: loaded, known or refused", async () => {
    writeFileSync(join(loader.folder, "1.csv"), "a,b\n1,2\n3\n");
    writeFileSync(join(loader.folder, "2.csv"), "a,b\n1,2\n3\n");
    writeFileSync(join(loader.folder, "3.csv"), "");
    const run = { ...job, contracts: [], configuration: "/d/pipeline.yaml", hostRoot: "/" };
    await ingest([sourceWith("", "'*.csv'")], run as unknown as IngestTools);
    const lines = [...told, ...announced].map((line) => line.replaceAll(`${loader.folder}/`, ""));
    expect(lines).toEqual([
      "known: views: 2.csv was loaded before, nothing added",
      // the ledger of these tests knows every claim by one name
      "loaded: views: /d/a.csv: 1 rows, 1 to bronze.quarantine",
      expect.stringMatching(/^refused: views: 3.csv: empty, 0 bytes/),
    ]);
  });
});
