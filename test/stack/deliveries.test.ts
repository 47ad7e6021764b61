/** What a provider may change from one delivery to the next, and what happens then: loaded, announced, or held back. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dieAt, killed } from "./cli.ts";
import { landingBucket, partnerStore } from "./landing.ts";
import { interrupted, type Row, type Stack, startStack } from "./stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack("deliveries", { keepsCli: true });
});
afterAll(() => stack?.stop());

interface Ingested {
  code: number;
  stderr: string;
  result: { loaded: Row[]; known: Row[]; refused: { message: string }[] };
}

/** Loads one file of the source `views`, with options of its own in pipeline.yaml. */
async function ingestViews(text: string, options = "", words: string[] = []): Promise<Ingested> {
  stack.write("views/views.csv", text);
  stack.write(
    "views.yaml",
    `source:\n  streaming_views: {path: views/views.csv${options && `, ${options}`}}\n`,
  );
  const { code, stdout, stderr } = await stack.reelhouse([
    "ingest",
    "--json",
    "--config",
    "views.yaml",
    ...words,
  ]);
  return { code, stderr, result: JSON.parse(stdout || "{}") };
}

const views = (where: string) => stack.query(`SELECT * FROM bronze.streaming_views WHERE ${where}`, "admin");
const countOf = async (where: string) => (await views(where)).length;
const held = async () => JSON.parse((await stack.succeed(["batch", "list", "--json"])).stdout);

describe("a source that nobody has described", () => {
  it("should be loaded by its entry in pipeline.yaml alone", async () => {
    const { code, stderr, result } = await ingestViews(
      "film,week,views\nHeat,2026-40,1200\nAlien,2026-40,900\n",
    );
    expect(code, stderr).toBe(0);
    expect(result.loaded).toMatchObject([{ source: "streaming_views", rowsAccepted: 2, rowsQuarantined: 0 }]);
    expect(await views("film = 'Heat'")).toMatchObject([{ week: "2026-40", views: "1200", _row_number: 1 }]);
  });

  it("should be in status and in the export of bronze", async () => {
    const { sources } = JSON.parse((await stack.succeed(["status", "--json"])).stdout);
    expect(sources).toContainEqual(expect.objectContaining({ source: "streaming_views", rows: 2 }));
  });

  it("should not keep the other sources from being published", async () => {
    await stack.succeed(["run", "--no-export"]);
    expect(await stack.query("SELECT count(*) AS films FROM gold.movies_unified")).toEqual([{ films: 3 }]);
  });
});

describe("columns that change", () => {
  it("should be taken and announced when they are new, once", async () => {
    const first = await ingestViews("film,week,views,country\nHeat,2026-41,1300,DE\n");
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).toContain("kept unexpected columns country, schema version 2");
    const second = await ingestViews("film,week,views,country\nHeat,2026-42,1400,FR\n");
    expect(second.stderr).not.toContain("unexpected");
    expect(await views("country = 'FR'")).toHaveLength(1);
  });

  it("should be null and announced when they are missing", async () => {
    const { code, stderr } = await ingestViews("film,week,views\nUp,2026-42,70\n");
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("null for missing columns country");
    expect(await views("film = 'Up'")).toMatchObject([{ country: null, views: "70" }]);
  });

  it("should hold the delivery back when one seems renamed, until pipeline.yaml says so", async () => {
    const text = "title,week,views,country\nHeat,2026-43,1300,DE\nAlien,2026-43,1,DE\nUp,2026-43,2,DE\n";
    const refused = await ingestViews(text);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("missing column film (renamed to title?)");
    expect(refused.stderr).toContain("source streaming_views of pipeline.yaml: rename: {title: film}");
    expect(await countOf("week = '2026-43'")).toBe(0);
    expect(await held()).toMatchObject([{ source: "streaming_views" }]);
    const loaded = await ingestViews(text, "rename: {title: film}");
    expect(loaded.code, loaded.stderr).toBe(0);
    expect(await views("week = '2026-43' AND film = 'Alien'")).toHaveLength(1);
    expect(await held()).toEqual([]);
  });

  it("should hold the delivery back whatever they are when the source is frozen", async () => {
    const text = "film,week,views,country,device\nHeat,2026-44,1300,DE,tv\n";
    const { code, stderr } = await ingestViews(text, "drift: freeze");
    expect(code).toBe(3);
    expect(stderr).toContain("new column device, and the source is frozen");
    const reported = await ingestViews(text, "drift: report");
    expect(reported.code, reported.stderr).toBe(0);
    expect(reported.stderr).toContain("kept unexpected columns device");
    expect(await views("device = 'tv'")).toHaveLength(1);
  });
});

describe("a delivery with many broken rows", () => {
  const lines = (broken: number) =>
    `film,week,views,country\n${"Jaws,2026-45,5,DE\n".repeat(40)}${"Jaws,2026-45\n".repeat(broken)}`;

  it("should be held back whole, and load when somebody releases it, though its file is gone", async () => {
    const refused = await ingestViews(lines(11));
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain(
      "11 of 51 rows are no rows (21.6 %: 11 too_few_fields), 10 % are allowed",
    );
    expect(await countOf("week = '2026-45'")).toBe(0);
    const [batch] = await held();
    expect(batch.hold.details).toMatchObject({
      rowsRead: 51,
      rowsQuarantined: 11,
      reasons: { too_few_fields: 11 },
    });
    expect(batch.hold.details.examples[0]).toEqual({
      ...{ lineNumber: 42, reason: "too_few_fields", raw: "Jaws,2026-45" },
    });
    expect((await stack.succeed(["batch", "list"])).stdout).toContain(
      'line 42, too_few_fields: "Jaws,2026-45"',
    );
    await ingestViews(lines(11));
    expect((await held())[0].heldAt, "held since the first time").toBe(batch.heldAt);
    await stack.succeed(["batch", "release", batch.batchId.slice(0, 12)]);
    const loaded = await ingestViews("film,week,views,country\nUp,2026-46,1,DE\n");
    expect(loaded.code, loaded.stderr).toBe(0);
    expect(await countOf("week = '2026-45'")).toBe(40);
    const quarantined = await stack.query(
      `SELECT count(*) AS rows FROM bronze.quarantine WHERE batch_id = '${batch.batchId}'`,
      "admin",
    );
    expect(quarantined).toEqual([{ rows: 11 }]);
  });

  it("should load when there are few of them, or when its source allows more", async () => {
    expect((await ingestViews(lines(10))).code).toBe(0);
    expect((await ingestViews(lines(12), "max_rejected: 30 %")).code).toBe(0);
  });

  it("should be told apart by its source when the same bytes are held for two", async () => {
    const bytes = `a,b\n${"1\n".repeat(11)}`;
    stack.write("held/held.csv", bytes);
    stack.write("held.yaml", "source:\n  held_one: held/held.csv\n  held_two: held/held.csv\n");
    expect((await stack.reelhouse(["ingest", "--config", "held.yaml"])).code).toBe(3);
    const both = (await held()).filter(({ source }: Row) => /^held_/.test(String(source)));
    const id = both[0].batchId.slice(0, 12);
    const unclear = await stack.reelhouse(["batch", "release", id]);
    expect(unclear.code).toBe(2);
    expect(unclear.stderr).toContain(`${id} means 2 batches: held_one: `);
    await stack.succeed(["batch", "release", id, "--source", "held_one"]);
    const left = (await held()).filter(({ source }: Row) => /^held_/.test(String(source)));
    expect(left).toMatchObject([{ source: "held_two" }]);
  });

  it("should be named by an id that is held", async () => {
    const outcome = await stack.reelhouse(["batch", "release", "0123456789ab"]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain("no held batch has an id that begins with 0123456789ab");
    expect((await stack.reelhouse(["batch", "release", "xyz"])).code).toBe(2);
    expect((await stack.reelhouse(["batch", "forget"])).code).toBe(2);
  });
});

describe("the same bytes again", () => {
  const text = "film,week,views,country\nDune,2026-47,5,DE\n";

  it("should add nothing, and with --again be a batch of their own, newest of all", async () => {
    await ingestViews(text);
    const known = await ingestViews(text);
    expect(known.result).toMatchObject({ loaded: [], known: [{ source: "streaming_views" }] });
    const again = await ingestViews(text, "", ["--again", "views/views.csv"]);
    expect(again.code, again.stderr).toBe(0);
    expect(again.result.loaded).toHaveLength(1);
    expect(await countOf("film = 'Dune'")).toBe(2);
    expect((await ingestViews(text)).result.loaded).toEqual([]);
  });

  it("should be loaded once by two processes at once, under two names", async () => {
    const bytes = "film,week,views,country\nTwice,2026-50,7,DE\n";
    const loads = ["one", "two"].map((name) => {
      stack.write(`${name}/${name}.csv`, bytes);
      stack.write(`${name}.yaml`, `source:\n  streaming_views: ${name}/${name}.csv\n`);
      return stack.reelhouse(["ingest", "--json", "--wait", "60", "--config", `${name}.yaml`]);
    });
    const outcomes = (await Promise.all(loads)).map(({ code, stdout, stderr }) => {
      expect(code, stderr).toBe(0);
      const { loaded, known } = JSON.parse(stdout);
      return [loaded.length, known.length];
    });
    expect(outcomes.sort()).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(await countOf("film = 'Twice'")).toBe(1);
  });

  it("should be refused with 2 when no source has the file", async () => {
    const { code, stderr } = await ingestViews(text, "", ["--again", "views/other.csv"]);
    expect(code).toBe(2);
    expect(stderr).toContain("no source has this file");
  });
});

describe("quarantine", () => {
  const text = `film,week,views,country\n"A \\"x\\", B",2026-48,5,DE\nGood,2026-48,1,DE\nLost,2026-48\n`;

  it("should be listed and shown with file, line and reason", async () => {
    expect((await ingestViews(text)).code).toBe(0);
    const listed = JSON.parse((await stack.succeed(["quarantine", "list", "--json"])).stdout);
    expect(listed).toContainEqual(
      expect.objectContaining({ source: "streaming_views", reason: "too_few_fields" }),
    );
    const { stdout } = await stack.succeed(["quarantine", "show", "streaming_views", "--json"]);
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ line_number: 4, reason: "too_few_fields", raw: "Lost,2026-48" }),
    );
    expect(await countOf("week = '2026-48'")).toBe(1);
  });

  it("should be read again after an option was mended, in the place of the first reading", async () => {
    const replay = async (options: string) => {
      stack.write("views.yaml", `source:\n  streaming_views: {path: views/views.csv${options}}\n`);
      const words = ["quarantine", "replay", "streaming_views", "--config", "views.yaml", "--json"];
      return JSON.parse((await stack.succeed(words)).stdout);
    };
    expect((await replay("")).loaded).toEqual([]);
    const { loaded } = await replay(', escape: "\\\\"');
    expect(loaded).toMatchObject([{ rowsAccepted: 2, rowsQuarantined: 1 }]);
    const counting = await stack.query(
      `SELECT film FROM bronze.streaming_views JOIN bronze.batches ON batch_id = _batch_id
       WHERE week = '2026-48' ORDER BY film`,
      "admin",
    );
    expect(counting).toEqual([{ film: 'A "x", B' }, { film: "Good" }]);
    // The file itself is known: it is not loaded a third time.
    expect((await ingestViews("film,week,views,country\nUp,2026-49,1,DE\n")).result.loaded).toHaveLength(1);
  });

  it("should leave what was loaded when a replay dies before it is known to be better", async () => {
    stack.write("views.yaml", "source:\n  streaming_views: {path: views/views.csv}\n");
    const words = ["quarantine", "replay", "streaming_views", "--config", "views.yaml"];
    const { code, stderr } = await dieAt(stack, { moment: "before", at: "'dropped' where source" }, words);
    expect(code, stderr).toBe(killed);
    const { result } = await ingestViews(text);
    expect(result).toMatchObject({ loaded: [], known: [{}] });
    const [{ rows } = {}] = await stack.query(
      `SELECT count(*) AS rows FROM bronze.streaming_views JOIN bronze.batches ON batch_id = _batch_id
       WHERE week = '2026-48'`,
      "admin",
    );
    expect(rows).toBe(2);
  });
});

describe("many small files", () => {
  const fileCount = 1200;
  const ingest = ["ingest", "--json", "--config", "many.yaml"];
  const written = () =>
    stack.catalogQuery("select count(*) from ledger.batch where source = 'many' and state = 'written'");

  it("should stop on Ctrl-C with nothing visible", async () => {
    for (let file = 1; file <= fileCount; file++) {
      stack.write(`many/${file}.csv`, `file,line\n${file},1\n${file}\n${file},3\n`);
    }
    stack.write("many.yaml", "source:\n  many: {path: many}\n");
    const outcome = await interrupted(stack, ingest, { when: async () => (await written()) !== "0" });
    expect(outcome.code, outcome.stderr).toBe(130);
    expect(await written()).toBe("1000");
    expect(
      await stack.query("SELECT count(*) AS n FROM bronze.batches WHERE source = 'many'", "admin"),
    ).toEqual([{ n: 0 }]);
  });

  it("should go on from there, and share objects without losing which row is whose", async () => {
    const firstWritten =
      "select min(row_objects[1]) from ledger.batch where source = 'many' and state = 'written'";
    const object = await stack.catalogQuery(firstWritten);
    const result = JSON.parse((await stack.succeed(ingest)).stdout);
    expect(result.loaded).toHaveLength(fileCount);
    const [counts] = await stack.query(
      `SELECT count(*) AS "rows", count(DISTINCT bronze.many."$path") AS objects, count(DISTINCT _batch_id) AS batches,
         count_if(_source_file LIKE '%/' || file || '.csv') AS own, count_if(CAST(_row_number AS varchar) = line) AS numbered
       FROM bronze.many JOIN bronze.batches ON batch_id = _batch_id`,
      "admin",
    );
    const rows = 2 * fileCount;
    expect(counts).toEqual({ rows, objects: 2, batches: fileCount, own: rows, numbered: rows });
    const [rejects] = await stack.query(
      `SELECT count(*) AS "rows", count(DISTINCT "$path") AS objects FROM bronze.quarantine WHERE source = 'many'`,
      "admin",
    );
    expect(rejects).toEqual({ rows: fileCount, objects: 2 });
    const kept = await stack.query(
      `SELECT count(*) AS n FROM bronze.many WHERE "$path" = '${object}'`,
      "admin",
    );
    expect(kept, "what was written before Ctrl-C was not written again").toEqual([{ n: 2000 }]);
    expect(JSON.parse((await stack.succeed(ingest)).stdout).known).toHaveLength(fileCount);
  });
});
describe("the landing bucket", () => landingBucket(() => stack));
describe("a partner's store", () => partnerStore(() => stack));
