/** The sample on the whole path, as plain `docker compose up` loads it, and what a user does next. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { tableFromIPC } from "apache-arrow";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commands } from "../../ingest/src/commands/index.ts";
import { differences, expectedLake } from "../oracle/index.ts";
import { access } from "./access/index.ts";
import { limits, shortenLimits } from "./access/limits.ts";
import { rotation } from "./access/rotation.ts";
import { deliver, goldMovies, type SampleFiles, sampleDeliveries } from "./deliveries.ts";
import { directReaders } from "./direct.ts";
import { addCatalogs, joinsBoth, onlyReads } from "./federation.ts";
import { sourceAdd } from "./source-add.ts";
import { projectFolder, type Stack, startStack } from "./stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack("sample", { firstLoad: true });
});
afterAll(() => stack?.stop());

describe("plain docker compose up", () => {
  it("should publish gold that equals an independent computation", async () => {
    const { movies } = expectedLake(sampleDeliveries());
    expect(movies).toHaveLength(3);
    expect(differences(await goldMovies(stack), movies)).toEqual([]);
  });

  it("should show the figures of the sample", async () => {
    const rows = await stack.query("SELECT * FROM gold.movies_unified WHERE movie_title = 'Inception'");
    expect(rows).toMatchObject([
      {
        release_year: 2010,
        total_box_office_gross_usd: 828276195,
        profit_usd: 568276195,
        domestic_gross_source: "box_office",
        sources_present: "audience_pulse,box_office,critic_agg",
      },
    ]);
  });

  it("should leave every server healthy and every one-shot ended with 0", async () => {
    const { stdout } = await stack.compose([
      "ps",
      "--all",
      "--format",
      "{{.Service}} {{.State}} {{.Health}} {{.ExitCode}}",
    ]);
    expect(stdout.trim().split("\n").sort()).toEqual([
      "buckets exited  0",
      "catalog running healthy 0",
      "cli running healthy 0",
      "dbt running healthy 0",
      "ingest exited  0",
      "secrets exited  0",
      "store running healthy 0",
      "trino running healthy 0",
    ]);
  });

  it("should keep bronze as it arrived", async () => {
    const rows = await stack.query("SELECT * FROM bronze.audience_pulse ORDER BY _row_number", "admin");
    expect(rows).toMatchObject([{ title: "Inception" }, { title: "The Dark Knight" }, { title: "Parasite" }]);
    expect(rows[2]).toMatchObject({ audience_average_score: "9.0", year: "2019", _row_number: 3 });
    expect(rows[2]?._batch_id).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("a second run", () => {
  it("should add nothing, publish nothing and say so", async () => {
    const before = await stack.query("SELECT count(*) AS rows FROM bronze.critic_agg", "admin");
    const { stdout } = await stack.succeed(["run", "--json", "--no-export"]);
    const result = JSON.parse(stdout);
    expect(result.loaded).toEqual([]);
    expect(result.known).toHaveLength(5);
    expect(result.publication).toBeNull();
    expect(await stack.query("SELECT count(*) AS rows FROM bronze.critic_agg", "admin")).toEqual(before);
  });
});

describe("reelhouse sql", () => {
  it("should print bigints with all their digits in each format", async () => {
    const statement =
      "SELECT 9223372036854775807 AS big, CAST(null AS varchar) AS nothing, '' AS empty, 'a\"b' AS quoted";
    expect((await stack.succeed(["sql", "--format", "csv", statement])).stdout).toBe(
      'big,nothing,empty,quoted\n9223372036854775807,,"","a""b"\n',
    );
    expect((await stack.succeed(["sql", "--format", "json", statement])).stdout).toContain(
      '"big": 9223372036854775807',
    );
    expect((await stack.succeed(["sql", statement])).stdout).toContain("9223372036854775807");
  });

  it("should write Arrow's bytes into a file, with the types of the columns", async () => {
    const statement = `SELECT 9223372036854775807 AS big, DECIMAL '-1.50' AS exact, DATE '1969-12-31' AS day,
      TIMESTAMP '1969-12-31 23:59:59.999999 UTC' AS moment, row(1, ARRAY['a', null]) AS nested, CAST(null AS varchar) AS nothing`;
    // Through a file, because a test sees standard output as text.
    const words = ["-c", '"$0" sql --format arrow "$1" > result.arrows'];
    const program = join(projectFolder, "scripts/reelhouse");
    const { code, stderr } = await stack.run("bash", [...words, program, statement]);
    expect(code, stderr).toBe(0);
    const table = tableFromIPC(readFileSync(join(stack.folder, "result.arrows")));
    expect(table.schema.fields.map(String)).toEqual([
      "big: Int64",
      "exact: Decimal[3e+2]",
      "day: Date32<DAY>",
      "moment: Timestamp<MICROSECOND, UTC>",
      "nested: Struct<{field0:Int32, field1:List<Utf8>}>",
      "nothing: Utf8",
    ]);
    expect(table.getChild("big")?.get(0)).toBe(9223372036854775807n);
    expect(table.getChild("moment")?.data[0]?.values[0]).toBe(-1n);
    expect(table.getChild("nothing")?.get(0)).toBeNull();
  });

  it("should take the statement from standard input and run as the named user", async () => {
    const { stdout } = await stack.succeed(["sql", "--user", "admin", "--format", "csv"], {
      input: "SELECT current_user AS me, (SELECT count(*) FROM bronze.batches) AS batches;\n",
    });
    expect(stdout).toBe("me,batches\nadmin,5\n");
  });

  it("should end with 1 and Trino's answer when the statement is wrong", async () => {
    const outcome = await stack.reelhouse(["sql", "SELECT nonsense"]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain("COLUMN_NOT_FOUND");
  });
});

describe("the CLI's words", () => {
  it("should be explained by --help", async () => {
    const script = 'for name in "$@"; do reelhouse "$name" --help || exit; done';
    const names = Object.keys(commands);
    const { code, stdout, stderr } = await stack.cli.run("sh", ["-c", script, "sh", ...names]);
    expect(code, stderr).toBe(0);
    for (const name of names) expect(stdout).toContain(`Usage: reelhouse ${name}`);
  });

  it("should be one JSON object per line where nobody looks", async () => {
    const { stderr } = await stack.succeed(["run", "--no-export"]);
    const records = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records.length).toBeGreaterThan(5);
    for (const record of records) {
      expect(record).toMatchObject({ level: "info", event: expect.any(String), message: expect.any(String) });
      expect(Date.now() - Date.parse(record.time)).toBeLessThan(60_000);
    }
  });
});

describe("a command", () => {
  it("should start from code that the image has compiled, whoever calls it", async () => {
    const told = [
      "--env",
      "NODE_DEBUG_NATIVE=COMPILE_CACHE",
      "--user",
      "4242:4242",
      "--entrypoint",
      "reelhouse",
    ];
    const words = ["run", "--rm", "--no-deps", "-T", ...told, "cli", "--help"];
    const { code, stderr, stdout } = await stack.compose(words);
    const said = stdout + stderr;
    expect(code, stderr).toBe(0);
    expect(said).toMatch(/cli\.ts.* was accepted/);
    expect(said).not.toMatch(/cli\.ts.* (was not initialized|permission denied)|no transpile cache/);
  });
});

describe("Trino", () => {
  it("should start from what the JVM learned when the image was made", async () => {
    const mapped = "grep -l /opt/trino/aot/trino.aot /proc/[0-9]*/maps 2>/dev/null";
    const { stdout } = await stack.compose(["exec", "-T", "trino", "sh", "-c", mapped]);
    expect(stdout.trim().split("\n")).toEqual([expect.stringMatching(/^\/proc\/\d+\/maps$/)]);
  });
});

describe("a start on top of data", () => {
  it("should leave every secret and certificate as it is", async () => {
    const secrets = async () =>
      Promise.all(
        (["store", "catalog", "trino", "dbt", "cli"] as const).map((service) => stack.secrets(service)),
      );
    const authority = async () => (await stack.succeed(["credentials", "--ca"])).stdout;
    const before = [await secrets(), await authority()];
    expect(before[0]).not.toContainEqual({});
    expect((await stack.compose(["run", "--rm", "-T", "--no-deps", "secrets"])).code).toBe(0);
    expect([await secrets(), await authority()]).toEqual(before);
  });
});

describe("the published lakehouse", () => {
  it("should tag each table of a publication and answer as of it", async () => {
    const rows = await stack.query(
      "SELECT count(*) AS films FROM gold.movies_unified FOR VERSION AS OF 'pub_1'",
    );
    expect(rows).toEqual([{ films: 3 }]);
    const tables = await stack.query(
      "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables WHERE table_schema IN ('silver', 'gold')",
    );
    for (const { name } of tables) {
      const [schema, table] = String(name).split(".");
      const tags = await stack.query(`SELECT name FROM ${schema}."${table}$refs" WHERE type = 'TAG'`);
      expect(tags, String(name)).toContainEqual({ name: "pub_1" });
    }
  });

  it("should answer as of a time", async () => {
    const publications = JSON.parse((await stack.succeed(["history", "--json"])).stdout);
    const at = String(publications.at(-1).published_at).replace("T", " ").replace("Z", " UTC");
    const filmsAsOf = (time: string) =>
      stack.query(`SELECT count(*) AS films FROM gold.movies_unified FOR TIMESTAMP AS OF ${time}`);
    expect(await filmsAsOf(`TIMESTAMP '${at}'`)).toEqual([{ films: 3 }]);
    await expect(filmsAsOf(`(TIMESTAMP '${at}' - INTERVAL '1' SECOND)`)).rejects.toThrow(
      "No version history",
    );
  });

  it("should describe its columns to BI tools", async () => {
    const described = await stack.query("SHOW COLUMNS FROM gold.movies_unified");
    expect(described.filter(({ Comment }) => !Comment)).toEqual([]);
  });
});

describe("exports", () => {
  it("should write each layer as CSV that belongs to the caller", async () => {
    const config = readFileSync(join(projectFolder, "pipeline.yaml"), "utf8").replace(
      /^#? ?output:[\s\S]*$/m,
      "",
    );
    stack.write(
      "export.yaml",
      `${config}\noutput:\n  bronze: out/bronze\n  silver: out/silver\n  gold: out/gold\n`,
    );
    const { stdout } = await stack.succeed(["export", "--config", "export.yaml", "--json"]);
    const names = (JSON.parse(stdout).files as string[]).map((file) => file.slice(stack.folder.length + 1));
    expect(names).toEqual(
      expect.arrayContaining([
        "out/bronze/audience_pulse.csv",
        "out/bronze/critic_agg.csv",
        "out/bronze/box_office_domestic.csv",
        "out/bronze/box_office_international.csv",
        "out/bronze/box_office_financials.csv",
        "out/silver/audience_pulse.csv",
        "out/silver/critic_agg.csv",
        "out/silver/box_office_metrics.csv",
        "out/gold/movies_unified.csv",
      ]),
    );
    const bronze = readFileSync(join(stack.folder, "out/bronze/critic_agg.csv"), "utf8");
    expect(bronze).toBe(readFileSync(join(stack.folder, "data/sample/critic_agg.csv"), "utf8"));
    const gold = readFileSync(join(stack.folder, "out/gold/movies_unified.csv"), "utf8").trim().split("\n");
    expect(gold).toHaveLength(4);
    expect(gold[0]).toMatch(/^movie_title,release_year,/);
  });

  it("should write the same tables as Parquet and as Arrow", async () => {
    const exported = async (format: string) => {
      await stack.succeed(["export", "--config", "export.yaml", "--format", format]);
      return join(stack.folder, `out/gold/movies_unified.${format}`);
    };
    const compressors = { ZSTD: (bytes: Uint8Array) => zstdDecompressSync(bytes) };
    const file = await asyncBufferFromFile(await exported("parquet"));
    const expected = await stack.query(
      "SELECT movie_title, profit_usd FROM gold.movies_unified ORDER BY movie_title, release_year",
    );
    const parquet = await parquetReadObjects({ file, compressors, columns: ["movie_title", "profit_usd"] });
    const arrow = tableFromIPC(readFileSync(await exported("arrow"))).select(["movie_title", "profit_usd"]);
    const asText = (rows: object[]) =>
      rows.map((row) => Object.values(row).map((value) => (value === null ? null : String(value))));
    expect(asText(parquet)).toEqual(asText(expected));
    expect(asText([...arrow].map((row) => row.toJSON()))).toEqual(asText(expected));
  });
});

describe("two runs at once", () => {
  it("should let the second one end with 6 naming the holder, or wait", async () => {
    const first = stack.reelhouse(["run", "--force", "--no-export"]);
    await runIsActive();
    const second = await stack.reelhouse(["run", "--no-export"]);
    expect(second.code).toBe(6);
    expect(second.stderr).toContain("another run is active: reelhouse run ");
    const third = stack.reelhouse(["run", "--no-export", "--wait", "120"]);
    expect((await first).code).toBe(0);
    const waited = await third;
    expect(waited.code, waited.stderr).toBe(0);
    // It did not start before the first one had published.
    expect(waited.stderr).toMatch(/nothing new since publication 2/);
  });

  async function runIsActive(): Promise<void> {
    for (;;) {
      const held = await stack.catalogQuery(
        "select count(*) from pg_locks where locktype = 'advisory' and granted",
      );
      if (held !== "0") return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
});

describe("a changed delivery", () => {
  it("should supersede the old rows, and A after B should stay superseded", async () => {
    const files: SampleFiles = {
      critic_agg:
        "movie_title,release_year,critic_score_percentage,top_critic_score,total_critic_reviews_counted\nParasite,2019,98,9.4,480\n",
    };
    const original = readFileSync(join(stack.folder, "data/sample/critic_agg.csv"), "utf8");
    deliver(stack, files);
    await stack.succeed(["run", "--no-export"]);
    const parasite =
      "SELECT critic_score_percentage AS critics FROM gold.movies_unified WHERE movie_title = 'Parasite'";
    expect(await stack.query(parasite)).toEqual([{ critics: 98 }]);
    expect(
      await stack.query(parasite.replace("movies_unified", "movies_unified FOR VERSION AS OF 'pub_1'")),
    ).toEqual([{ critics: 99 }]);
    deliver(stack, { critic_agg: original });
    const { stdout } = await stack.succeed(["run", "--no-export", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ loaded: [], publication: null });
    expect(await stack.query(parasite)).toEqual([{ critics: 98 }]);
  });

  it("should be exported behind the older one in bronze, and in its place in gold", async () => {
    const { stdout } = await stack.succeed(["export", "--config", "export.yaml", "--json"]);
    expect(JSON.parse(stdout).files).toContain(join(stack.folder, "out/gold/kpis_by_year.csv"));
    const exported = (name: string) => readFileSync(join(stack.folder, `out/${name}.csv`), "utf8");
    const original = readFileSync(join(projectFolder, "data/sample/critic_agg.csv"), "utf8");
    expect(exported("bronze/critic_agg")).toBe(`${original}Parasite,2019,98,9.4,480\n`);
    // Titles in order; what provider 3 does not have is empty, what it is computed from too.
    expect(exported("gold/movies_unified").split("\n")).toEqual([
      expect.stringMatching(/^movie_title,release_year,audience_average_score,/),
      expect.stringMatching(/^Inception,2010,9\.1,1500000,87,8\.1,450,292576195,box_office,535700000,/),
      'Parasite,2019,9,800000,98,9.4,480,53369749,audience_pulse,,,,,,,,8,"audience_pulse,critic_agg"',
      expect.stringMatching(/^The Dark Knight,2008,9\.4,2200000,94,8\.6,350,533345358,box_office,/),
      "",
    ]);
  });
});

describe("status, history and doctor", () => {
  it("should tell freshness, publications and health", async () => {
    const status = JSON.parse((await stack.succeed(["status", "--json"])).stdout);
    expect(status.sources).toHaveLength(5);
    expect(status.publication.id).toBeGreaterThan(1);
    const history = JSON.parse((await stack.succeed(["history", "--json"])).stdout);
    expect(history.at(-1)).toMatchObject({ id: 1, kind: "build", batches: 5 });
    expect((await stack.succeed(["doctor"])).stdout).toMatch(
      /catalog +ok\n +store +ok\n +trino +ok\n +dbt +ok/,
    );
  });
});

describe("a new source", () => sourceAdd(() => stack));
describe("who may do what", () => access(() => stack));
describe("engines of people's own", () => directReaders(() => stack));
describe("a rotation of the secrets", () => rotation(() => stack));

describe("a restart", () => {
  it("should lose nothing when every service is killed and started again", async () => {
    const before = await stack.query("SELECT * FROM gold.movies_unified ORDER BY movie_title, release_year");
    await stack.compose(["kill", "store", "catalog", "trino", "dbt"]);
    // For what follows, which so needs no start of its own.
    addCatalogs(stack);
    await stack.compose(["up", "--no-start", "trino"]);
    await shortenLimits(stack);
    await stack.compose(["up", "--detach", "--wait", "store", "catalog", "trino", "dbt"]);
    expect(await stack.query("SELECT * FROM gold.movies_unified ORDER BY movie_title, release_year")).toEqual(
      before,
    );
  });
});

describe("another database", () => {
  it("should be joined with gold in one statement", () => joinsBoth(stack));
  it("should be read by people, and written by nobody", () => onlyReads(stack));
});

describe("the limits of people", () => limits(() => stack));
