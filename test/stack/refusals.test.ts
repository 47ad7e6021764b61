/** Bad input, bad configuration, failing tests and services that are down: one clear message, nothing half published. */
import { mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fileName } from "../fixtures/source-file.ts";
import { type SourceName, sourceNames } from "../oracle/index.ts";
import { expectRefusals } from "./cli.ts";
import { csvFile, deliver, sampleDeliveries } from "./deliveries.ts";
import { goldOf } from "./small-gold.ts";
import { type CommandOptions, type Row, restart, type Stack, startAgain, startStack } from "./stack.ts";

let stack: Stack;
let published: Row[];

beforeAll(async () => {
  stack = await startStack("refusals", { hasSmallModels: true, keepsCli: true });
  await stack.succeed(["run", "--no-export"]);
  published = await gold();
});
afterAll(() => stack?.stop());
beforeEach(() => deliver(stack, original()));

const gold = () => goldOf(stack);
/** Where it matters what the script makes of folders, links and variables. */
const wrapper = (words: string[], options: CommandOptions = {}) => stack.script("reelhouse", words, options);
const original = () =>
  Object.fromEntries(sourceNames.map((source) => [source, sampleDeliveries()[source][0]?.text ?? ""]));

describe("a refused delivery", () => {
  const header = csvFile("critic_agg", []);
  const cases: { name: string; source: SourceName; content: string | Buffer; says: RegExp }[] = [
    { name: "an empty file", source: "critic_agg", content: "", says: /empty/ },
    {
      name: "a JSON file as CSV",
      source: "critic_agg",
      content: '[{"title": "x"}]',
      says: /JSON in the place of the header/,
    },
    { name: "a CSV file as JSON", source: "audience_pulse", content: header, says: /array/ },
    {
      name: "a cut-off JSON array",
      source: "audience_pulse",
      content: '[{"title": "x", "year": "2001"}, {"ti',
      says: /end|cut|array/,
    },
    {
      name: "a gzip file that is cut off",
      source: "critic_agg",
      content: Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]),
      says: /gzip/,
    },
    {
      name: "a header that is not UTF-8",
      source: "critic_agg",
      content: Buffer.from(header.replace("movie_title", "t\xeftre"), "latin1"),
      says: /UTF-8/,
    },
    {
      name: "a missing required column",
      source: "critic_agg",
      content: header.replace("release_year,", ""),
      says: /missing column release_year/,
    },
    {
      name: "a renamed column",
      source: "critic_agg",
      content: header.replace("movie_title", "movie_titel"),
      says: /movie_title \(renamed to movie_titel\?\)/,
    },
  ];
  for (const { name, source, content, says } of cases) {
    it(`should end with 3 and publish nothing: ${name}`, async () => {
      const path = stack.write(`data/sample/${fileName(source)}`, content);
      const outcome = await stack.reelhouse(["run", "--no-export"]);
      expect(outcome.code, outcome.stderr).toBe(3);
      expect(outcome.stderr).toContain(path);
      expect(outcome.stderr).toMatch(says);
      expect(outcome.stderr).toContain("nothing was published");
      expect(await gold()).toEqual(published);
    });
  }

  it("should end with 3 when a file is missing, and be named by status until a good one arrives", async () => {
    rmSync(join(stack.folder, "data/sample/critic_agg.csv"));
    const outcome = await stack.reelhouse(["run", "--no-export"]);
    expect(outcome.code, outcome.stderr).toBe(3);
    expect(outcome.stderr).toContain("data/sample/critic_agg.csv");
    const { sources } = JSON.parse((await stack.succeed(["status", "--json"])).stdout);
    const held = sources.find((row: { source: string }) => row.source === "critic_agg");
    expect(held.refused[0].file).toContain("critic_agg.csv");
    deliver(stack, { critic_agg: `${original().critic_agg}Alien,1979,98,9,100\n` });
    await stack.succeed(["run", "--no-export"]);
    const after = JSON.parse((await stack.succeed(["status", "--json"])).stdout);
    expect(after.sources.find((row: { source: string }) => row.source === "critic_agg").refused).toEqual([]);
    published = await gold();
    expect(published).toHaveLength(4);
  });

  it("should stay refused whatever runs with another configuration, and be forgotten with its own", async () => {
    stack.write("other.yaml", "source:\n  critic_agg: data/elsewhere/critics.csv\n");
    expect((await stack.reelhouse(["ingest", "--config", "other.yaml"])).code).toBe(3);
    await stack.succeed(["ingest"]);
    const outcome = await stack.reelhouse(["build"]);
    expect(outcome.code).toBe(3);
    expect(outcome.stderr).toContain("refused: critic_agg");
    stack.write("data/elsewhere/critics.csv", original().critic_agg ?? "");
    await stack.succeed(["ingest", "--config", "other.yaml"]);
    await stack.succeed(["build"]);
  });

  it("should not be published by a build either", async () => {
    deliver(stack, { critic_agg: "", audience_pulse: "[]" });
    expect((await stack.reelhouse(["ingest"])).code).toBe(3);
    const outcome = await stack.reelhouse(["build"]);
    expect(outcome.code).toBe(3);
    expect(outcome.stderr).toContain("refused: critic_agg");
    expect(await gold()).toEqual(published);
  });

  it("should publish the rest with --partial, naming what is missing", async () => {
    deliver(stack, {
      critic_agg: "",
      box_office_domestic: csvFile("box_office_domestic", ["Inception,2010,300000000"]),
    });
    await stack.succeed(["run", "--no-export", "--partial"]);
    const [latest] = JSON.parse((await stack.succeed(["history", "--json"])).stdout);
    expect(latest.missing).toBe("critic_agg");
    published = await gold();
    expect(published.find(({ movie_title }) => movie_title === "Inception")).toMatchObject({
      domestic_box_office_gross_usd: 300000000,
    });
  });
});

describe("a delivery with surprises", () => {
  it("should keep an unexpected column in bronze and say so", async () => {
    const text =
      "movie_title,release_year,critic_score_percentage,top_critic_score,total_critic_reviews_counted,Notes\nHeat,1995,83,7.9,150,a note\n";
    deliver(stack, { critic_agg: text });
    const { stderr } = await stack.succeed(["run", "--no-export"]);
    expect(stderr).toContain("notes");
    const rows = await stack.query("SELECT notes FROM bronze.critic_agg WHERE movie_title = 'Heat'", "admin");
    expect(rows).toEqual([{ notes: "a note" }]);
    published = await gold();
  });
});

describe("a link", () => {
  it("should be read as the file that it leads to, wherever that lies", async () => {
    stack.write("archive/2026/critics.csv", csvFile("critic_agg", ["Linked,2001,50,5,10"]));
    mkdirSync(join(stack.folder, "links"));
    symlinkSync("../archive/2026/critics.csv", join(stack.folder, "links/latest.csv"));
    stack.write("links.yaml", "source:\n  critic_agg: links/latest.csv\n");
    const { code, stdout, stderr } = await wrapper(["ingest", "--json", "--config", "links.yaml"]);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout).loaded).toMatchObject([{ rowsAccepted: 1 }]);
    await stack.succeed(["build"]);
    published = await gold();
  });
});

describe("an output folder", () => {
  const refuse = async (config: string) => {
    const path = stack.write("shared/in/critic_agg.csv", original().critic_agg ?? "");
    stack.write("shared.yaml", config);
    for (const words of [["export"], ["run"]]) {
      const outcome = await wrapper([...words, "--config", "shared.yaml"]);
      expect(outcome.code, outcome.stderr).toBe(2);
      expect(outcome.stderr).toContain("expected a folder of its own");
    }
    expect(readFileSync(path, "utf8")).toBe(original().critic_agg ?? "");
  };

  it("should not be one that a glob reads from", () =>
    refuse("source:\n  critic_agg: shared/*/critic_agg.csv\noutput:\n  bronze: shared/in\n"));

  it("should not be a source's under another name", async () => {
    mkdirSync(join(stack.folder, "shared/in"), { recursive: true });
    symlinkSync("in", join(stack.folder, "shared/out"));
    await refuse("source:\n  critic_agg: shared/in/critic_agg.csv\noutput:\n  bronze: shared/out\n");
  });
});

describe("a broken configuration", () => {
  it("should end with 2 and list every fault with its line", async () => {
    stack.write(
      "broken.yaml",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the configuration's own way to name a variable
      "source:\n  critic_agg: 12\n  audience_puls: data/x.json\n  box_office:\n    domestic: ${NO_SUCH_VARIABLE}/x.csv\nsorce: {}\n",
    );
    const outcome = await stack.reelhouse(["run", "--config", "broken.yaml"]);
    expect(outcome.code).toBe(2);
    for (const fault of [
      "broken.yaml:2",
      "broken.yaml:3",
      "broken.yaml:5",
      "NO_SUCH_VARIABLE",
      "broken.yaml:6",
    ]) {
      expect(outcome.stderr).toContain(fault);
    }
  });

  it("should end with 2 for an unknown command, option or value", async () => {
    await expectRefusals(stack, [
      [["nonsense"], 2, "nonsense"],
      [["run", "--nonsense"], 2, "--nonsense"],
      [["sql", "--format", "xml", "SELECT"], 2, "xml"],
      [["run", "--wait", "soon"], 2, "soon"],
    ]);
  });

  it("should take the caller's environment variable for a name in braces", async () => {
    const folder = join(stack.folder, "elsewhere");
    const text = csvFile("critic_agg", ["Up,2009,98,8.4,300"]);
    stack.write("elsewhere/critics.csv", text);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the configuration's own way to name a variable
    stack.write("variable.yaml", "source:\n  critic_agg: ${FILMS_FOLDER}/*.csv\n");
    const words = ["ingest", "--json", "--config", "variable.yaml"];
    const { code, stdout, stderr } = await wrapper(words, { env: { FILMS_FOLDER: folder } });
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout).loaded).toMatchObject([
      { source: "critic_agg", file: join(folder, "critics.csv") },
    ]);
    await stack.succeed(["build"]);
    published = await gold();
  });
});

/** Long enough for somebody to write in the meantime. A filter on one of the numbers would be asked before the join. */
const slowTest = "dbt_project/tests/takes_seconds.sql";
const takesSeconds = `select a from unnest(sequence(1, 10000)) as a (a) cross join unnest(sequence(1, 1000)) as b (b)
  cross join unnest(sequence(1, 3)) as c (c) where a + b + c < 0\n`;

describe("a failing dbt test", () => {
  it("should end with 4, name the test and leave what is published untouched", async () => {
    const test = "select * from {{ ref('movies') }}\n";
    const failing = stack.write("dbt_project/tests/no_film_may_exist.sql", test);
    await restart(stack, "dbt");
    deliver(stack, { critic_agg: csvFile("critic_agg", ["Changed,2001,1,1,1"]) });
    const outcome = await stack.reelhouse(["run", "--no-export"]);
    expect(outcome.code, outcome.stderr).toBe(4);
    expect(outcome.stderr).toContain("no_film_may_exist");
    expect(await gold()).toEqual(published);

    rmSync(failing);
    stack.write(slowTest, takesSeconds);
    await restart(stack, "dbt");
    await stack.succeed(["run", "--no-export"]);
    published = await gold();
    expect(published.map(({ movie_title }) => movie_title)).toContain("Changed");
  });
});

describe("a table that changes on audit while its tests run", () => {
  it("should end with 1, name the table and publish nothing", async () => {
    // No test of the small project looks at it.
    const write = "UPDATE gold.movies SET critic_score_percentage = 1";
    let writing: Promise<unknown> | undefined;
    const outcome = await stack.cli.run("reelhouse", ["build", "--force"], {
      env: { REELHOUSE_TERMINAL: "1" },
      onStderr: (text) => {
        if (text.includes("model kpis_by_year: success")) writing ??= stack.query(write, "admin", "audit");
      },
    });
    await writing;
    expect(outcome.code, outcome.stderr).toBe(1);
    expect(outcome.stderr).toContain("gold.movies changed on audit since its tests");
    expect(await gold()).toEqual(published);
    rmSync(join(stack.folder, slowTest));
  });
});

describe("a model that gives more than its contract says", () => {
  it("should end with 1, name the model and the column, and publish nothing", async () => {
    const files = {
      "wide.sql": "select 1 as one, 2 as surplus\n",
      "wide.yml": "models: [{name: wide, columns: [{name: one, data_type: integer, description: One.}]}]\n",
    };
    const written = Object.entries(files).map(([name, text]) =>
      stack.write(`dbt_project/models/gold/${name}`, text),
    );
    await restart(stack, "dbt");
    const outcome = await stack.reelhouse(["build"]);
    expect(outcome.code, outcome.stderr).toBe(1);
    expect(outcome.stderr).toMatch(/model wide: [^\n]*surplus/);
    expect(await gold()).toEqual(published);
    for (const file of written) rmSync(file);
    await restart(stack, "dbt");
  });
});

describe("a model that is gone", () => {
  it("should leave the lakehouse with the next publication, and be journaled", async () => {
    const files = {
      "passing.sql": "select 1 as one\n",
      "passing.yml":
        "models: [{name: passing, columns: [{name: one, data_type: integer, description: One.}]}]\n",
    };
    const written = Object.entries(files).map(([name, text]) =>
      stack.write(`dbt_project/models/gold/${name}`, text),
    );
    await restart(stack, "dbt");
    await stack.succeed(["build"]);
    expect(await stack.query("SELECT * FROM gold.passing")).toEqual([{ one: 1 }]);
    const [{ id }] = JSON.parse((await stack.succeed(["history", "--json"])).stdout);

    for (const file of written) rmSync(file);
    await restart(stack, "dbt");
    await stack.succeed(["build"]);
    await expect(stack.query("SELECT * FROM gold.passing")).rejects.toThrow("TABLE_NOT_FOUND");
    const journal = await stack.catalogQuery(
      `select new_metadata_location is null from branch.publication_table
       where table_name = 'passing' and publication_id = ${id + 1}`,
    );
    expect(journal).toBe("t");
    expect(await gold()).toEqual(published);
  });
});

describe("a service that is down", () => {
  const cases = [
    { service: "dbt", commands: [["build", "--force"]] },
    { service: "trino", commands: [["sql", "SELECT 1"]] },
    { service: "store", commands: [["build", "--force"]] },
    {
      service: "catalog",
      commands: [
        ["run", "--no-export"],
        ["sql", "SELECT count(*) FROM gold.movies"],
      ],
    },
  ] as const;
  it.each(cases)("should end with 5, and doctor should name it: $service", async ({ service, commands }) => {
    await stack.compose(["stop", service]);
    try {
      for (const words of commands) {
        const outcome = await stack.reelhouse([...words]);
        expect(outcome.code, outcome.stderr).toBe(5);
      }
      const diagnosis = await stack.reelhouse(["doctor", "--json"]);
      expect(diagnosis.code).toBe(5);
      const parts = JSON.parse(diagnosis.stdout) as { part: string; fault: string | null }[];
      expect(parts.find(({ part }) => part === service)?.fault).not.toBeNull();
    } finally {
      await startAgain(stack, service);
    }
    expect(await gold()).toEqual(published);
  });
});
