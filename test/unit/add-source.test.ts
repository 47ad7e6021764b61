/** `reelhouse source add` on files of all kinds, from its words to what lies on the disk. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { nameOf } from "../../ingest/src/add/source.ts";
import { writeAll } from "../../ingest/src/add/write-files.ts";
import { parseWords } from "../../ingest/src/command.ts";
import { source } from "../../ingest/src/commands/source.ts";
import { contractsBeside } from "../../ingest/src/config/contracts.ts";
import { configuredPipeline } from "../../ingest/src/configuration.ts";
import { createReport } from "../../ingest/src/report.ts";
import { number, text, workbook } from "../fixtures/workbook.ts";

const project = resolve(import.meta.dirname, "../..");
const pipelineText = "# mine\nsource:\n  critic_agg: critics.csv # theirs\n";
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "reelhouse-test-"));
  write("pipeline.yaml", pipelineText);
  cpSync(join(project, "dbt_project/models/staging"), join(folder, "dbt_project/models/staging"), {
    recursive: true,
  });
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const read = (name: string) => readFileSync(join(folder, name), "utf8");
const env = () => ({ REELHOUSE_FOLDER: folder });

/** What the command prints; throws what it throws. */
const add = (...words: string[]) => addWith(env(), ...words);

async function addWith(variables: NodeJS.ProcessEnv, ...words: string[]): Promise<string> {
  let printed = "";
  const parsed = parseWords("source", source, ["add", ...words]);
  if (parsed === "help") return expect.fail("help");
  await source.run(parsed, {
    report: createReport({ write: () => undefined }, {}),
    print: (text) => {
      printed += text;
    },
    isTerminal: false,
    env: variables,
    signal: new AbortController().signal,
  });
  return printed;
}

/** Everything that lies in the folder, with its text. */
function everything(): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.map((path) => [path, readFileSync(path, "utf8")]));
}

const refusal = (exitCode: number, message: RegExp) =>
  expect.objectContaining({ exitCode, message: expect.stringMatching(message) });

describe("reelhouse source add", () => {
  it("should write all that the source needs, and nothing else", async () => {
    write("data/views.csv", "film,week,views\nHeat,2024-01-01,12\n");
    const before = everything();
    const printed = await add("data/views.csv", "--name", "streaming_views");
    const written = [
      "sources/streaming_views.yaml",
      "dbt_project/models/staging/src_streaming_views.yml",
      "dbt_project/models/staging/stg_streaming_views.sql",
      "dbt_project/models/staging/stg_streaming_views.yml",
    ];
    const changed = {
      ...before,
      [join(folder, "pipeline.yaml")]: `${pipelineText}  streaming_views: data/views.csv\n`,
    };
    for (const name of written) changed[join(folder, name)] = read(name);
    expect(everything()).toEqual(changed);
    for (const name of [...written, "pipeline.yaml"]) expect(printed).toContain(name);
    expect(printed).toContain("docker compose up --detach --build --wait dbt");
  });

  it("should be known to the pipeline from then on, with its contract", async () => {
    write("views.csv", "film,week,views\nHeat,2024-01-01,12\nUp,2024-01-08,\n");
    await add("views.csv", "--name", "streaming_views");
    const added = configuredPipeline({ options: {}, positionals: [] }, env()).sources.at(-1);
    expect(added).toMatchObject({
      name: "streaming_views",
      usualFormat: "csv",
      paths: [{ path: join(folder, "views.csv") }],
      contract: {
        columns: [
          { name: "film", required: true },
          { name: "week", required: true },
          { name: "views", required: false },
        ],
      },
    });
    expect(contractsBeside(folder).get("critic_agg")).toBeDefined();
  });

  it("should change nothing with --dry-run, and print the same files", async () => {
    write("views.csv", "film\nHeat\n");
    const before = everything();
    const printed = await add("views.csv", "--name", "streaming_views", "--dry-run");
    expect(everything()).toEqual(before);
    const { files } = JSON.parse(await add("views.csv", "--name", "streaming_views", "--json"));
    for (const { path, text } of files) {
      expect(printed).toContain(`--- ${path}\n${text}`);
      expect(readFileSync(path, "utf8")).toBe(text);
    }
  });

  it("should work where the host's folders are seen elsewhere, as in a container", async () => {
    write("in/views.csv", "film\nHeat\n");
    write("home/pipeline.yaml", pipelineText);
    const variables = {
      REELHOUSE_HOST_ROOT: folder,
      REELHOUSE_FOLDER: "/in",
      REELHOUSE_CONFIG: "/home/pipeline.yaml",
      REELHOUSE_FILE: "/in/views.csv",
      REELHOUSE_DBT_PROJECT: "/dbt_project",
    };
    const printed = await addWith(variables, "views.csv", "--name", "streaming_views");
    expect(read("home/pipeline.yaml")).toBe(`${pipelineText}  streaming_views: /in/views.csv\n`);
    expect(existsSync(join(folder, "home/sources/streaming_views.yaml"))).toBe(true);
    expect(existsSync(join(folder, "dbt_project/models/staging/stg_streaming_views.sql"))).toBe(true);
    expect(printed).not.toContain(folder);
  });

  it("should ask for a name where the file's gives none", async () => {
    write("映画.csv", "film\nHeat\n");
    await expect(add("映画.csv")).rejects.toEqual(refusal(2, /expected a name of lower case letters/));
  });

  it("should refuse a second time, and change nothing", async () => {
    write("views.csv", "film\nHeat\n");
    await add("views.csv", "--name", "streaming_views");
    const before = everything();
    await expect(add("views.csv", "--name", "streaming_views")).rejects.toEqual(refusal(2, /exists already/));
    expect(everything()).toEqual(before);
  });

  it.each([
    ["critic_agg", /exists already/],
    ["critics_agg", /did you mean critic_agg/],
    ["Views", /lower case/],
    ["quarantine", /table 'quarantine' of its own/],
    ["ratings.weekly", /without a dot/],
    ["batches", /table 'batches' of its own/],
  ])("should refuse the name %s", async (name, message) => {
    write("views.csv", "film\nHeat\n");
    const before = everything();
    await expect(add("views.csv", "--name", name)).rejects.toEqual(refusal(2, message));
    expect(everything()).toEqual(before);
  });

  it("should refuse to overwrite what is left of another source", async () => {
    write("views.csv", "film\nHeat\n");
    write("dbt_project/models/staging/stg_streaming_views.sql", "select 1");
    await expect(add("views.csv", "--name", "streaming_views")).rejects.toEqual(
      refusal(2, /stg_streaming_views.sql; nothing was written/),
    );
    expect(existsSync(join(folder, "sources"))).toBe(false);
  });

  it("should refuse a configuration that is a link, as it would become a file", async () => {
    write("views.csv", "film\nHeat\n");
    symlinkSync("pipeline.yaml", join(folder, "link.yaml"));
    await expect(add("views.csv", "--name", "streaming_views", "--config", "link.yaml")).rejects.toEqual(
      refusal(2, /is a link/),
    );
  });

  it.each<[string, string, string | Buffer]>([
    ["nothing", "views.csv", ""],
    ["HTML", "views.csv", "<html><body>not found</body></html>"],
    ["a picture of unknown name", "views.bin", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3])],
    ["PDF", "views.csv", "%PDF-1.7 ..."],
    ["broken JSON", "views.json", '[{"a": 1}, {"b'],
    ["an array without objects", "views.json", "[1, 2]"],
    ["records that are no rows", "views.csv", `a,b\n${"1\n".repeat(20)}2,3\n`],
  ])("should refuse a file that is no table: %s", async (_, name, content) => {
    write(name, content);
    const before = everything();
    await expect(add(name, "--name", "streaming_views")).rejects.toEqual(refusal(3, /./));
    expect(everything()).toEqual(before);
  });

  it("should refuse a missing file", async () => {
    await expect(add("nowhere.csv")).rejects.toEqual(refusal(3, /no such file/));
  });
});

describe("what a reader needs", () => {
  /** The entry for a file, and the columns of its contract. */
  async function added(name: string, content: string | Buffer) {
    write(name, content);
    await add(name, "--name", "streaming_views");
    const { columns } = parse(read("sources/streaming_views.yaml"));
    const entry = parse(read("pipeline.yaml")).source.streaming_views;
    return {
      entry,
      columns: columns.map((column: { name: string; type: string }) => [column.name, column.type]),
    };
  }
  const columns = [
    ["film", "varchar"],
    ["views", "bigint"],
  ];
  const lines = (delimiter: string) =>
    [`film${delimiter}views`, `Léon${delimiter}12`, `Up${delimiter}13`, ""].join("\n");

  it.each<[string, string, string | Buffer, unknown]>([
    ["nothing", "views.csv", lines(","), "views.csv"],
    ["nothing for tabs in .tsv", "views.tsv", lines("\t"), "views.tsv"],
    ["a semicolon", "views.csv", lines(";"), { path: "views.csv", delimiter: ";" }],
    ["tabs", "views.csv", lines("\t"), { path: "views.csv", delimiter: "tab" }],
    ["bars, compressed", "views.csv.gz", gzipSync(lines("|")), { path: "views.csv.gz", delimiter: "|" }],
    [
      "windows-1252",
      "views.csv",
      Buffer.from(lines(","), "latin1"),
      { path: "views.csv", encoding: "windows-1252" },
    ],
    [
      "windows-1252 and a semicolon",
      "views.csv",
      Buffer.from(lines(";"), "latin1"),
      { path: "views.csv", delimiter: ";", encoding: "windows-1252" },
    ],
    [
      "UTF-16 without a mark",
      "views.csv",
      Buffer.from(lines(","), "utf16le"),
      { path: "views.csv", encoding: "utf-16" },
    ],
    [
      "nothing for UTF-16 with a mark",
      "views.csv",
      Buffer.from(`\ufeff${lines(",")}`, "utf16le"),
      "views.csv",
    ],
    [
      "an escape",
      "views.csv",
      'film,views\n"Say \\"hi\\", twice",12\n"Up",13\n',
      { path: "views.csv", escape: "\\" },
    ],
    ["nothing for JSON", "views.json", JSON.stringify([{ film: "Up", views: 1 }]), "views.json"],
    [
      "JSON lines under another name",
      "views.json",
      '{"film":"Up","views":1}\n{"film":"Heat","views":2}\n',
      { path: "views.json", format: "ndjson" },
    ],
    ["nothing where no name tells the format, which the contract does", "views.txt", lines(","), "views.txt"],
  ])("should be found out and said: %s", async (_, name, content, entry) => {
    expect(await added(name, content)).toEqual({ entry, columns });
  });

  it("should be nothing for a workbook", async () => {
    const sheet = [
      [text("film"), text("views")],
      [text("Up"), number("13")],
    ];
    expect(await added("views.xlsx", workbook({ first: sheet }))).toEqual({ entry: "views.xlsx", columns });
  });

  it("should be nothing for Parquet", async () => {
    const columnData = [
      { name: "film", data: ["Up", "Heat"] },
      { name: "views", data: [13, 14], type: "INT32" as const },
    ];
    const content = Buffer.from(parquetWriteBuffer({ columnData }));
    expect(await added("views.parquet", content)).toEqual({ entry: "views.parquet", columns });
  });

  it("should be no other encoding for one damaged line of UTF-8", async () => {
    const good = Array.from({ length: 30 }, () => "Léon,12\n").join("");
    const content = Buffer.concat([
      Buffer.from(`film,views\n${good}`),
      Buffer.from([0xe9]),
      Buffer.from(",1\n"),
    ]);
    expect(await added("views.csv", content)).toEqual({ entry: "views.csv", columns });
  });

  it("should be an absolute path for a file elsewhere", async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "reelhouse-test-"));
    try {
      const path = join(elsewhere, "views.csv");
      writeFileSync(path, lines(","));
      await add(path, "--name", "streaming_views");
      expect(parse(read("pipeline.yaml")).source.streaming_views).toBe(path);
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  it("should be text and optional where there is only a header", async () => {
    expect(await added("views.csv", "film,views\n")).toEqual({
      entry: "views.csv",
      columns: columns.map(([name]) => [name, "varchar"]),
    });
    expect(read("sources/streaming_views.yaml")).toContain("required: false");
    expect(read("dbt_project/models/staging/stg_streaming_views.yml")).not.toContain("not_null");
  });
});

describe("the name of a source", () => {
  it.each([
    ["/srv/views.csv", "views"],
    ["/srv/Streaming Views-2024-03-01.csv.gz", "streaming_views"],
    ["/srv/views_v2.json", "views_v"],
    ["/srv/2024.csv", "source_2024"],
    ["/srv/映画.csv", ""],
  ])("should be made from the file's: %s", (path, name) => expect(nameOf(path)).toBe(name));
});

describe("several files", () => {
  const planned = (name: string, text: string, replaces?: string) => {
    const path = join(folder, name);
    return { path, hostPath: path, text, ...(replaces === undefined ? {} : { replaces }) };
  };

  it("should all be left as they were when one cannot be written", () => {
    const before = everything();
    write("occupied", "a file where a folder is needed");
    const files = [planned("new/a", "a"), planned("b", "b"), planned("occupied/c", "c")];
    expect(() => writeAll(files)).toThrow(refusal(1, /nothing was written/));
    rmSync(join(folder, "occupied"));
    expect(everything()).toEqual(before);
    expect(existsSync(join(folder, "new"))).toBe(false);
  });

  it("should all be left as they were when the last one has changed meanwhile", () => {
    const before = everything();
    const files = [planned("new/a", "a"), planned("pipeline.yaml", "new", "what it was")];
    expect(() => writeAll(files)).toThrow(refusal(2, /has changed meanwhile/));
    expect(everything()).toEqual(before);
    expect(existsSync(join(folder, "new"))).toBe(false);
  });

  it("should keep who may read a file that is replaced", () => {
    chmodSync(join(folder, "pipeline.yaml"), 0o640);
    writeAll([planned("pipeline.yaml", "new", pipelineText)]);
    expect(read("pipeline.yaml")).toBe("new");
  });
});
