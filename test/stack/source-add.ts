/** A new source from a file to a staging model that builds: no code, no edit. */
import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readText } from "../contract/repository.ts";
import { projectFolder, restart, type Stack } from "./stack.ts";

const stagingFolder = "dbt_project/models/staging";
const words = ["source", "add", "data/streaming/views.csv", "--name", "streaming_views"];
const models = ["src_streaming_views.yml", "stg_streaming_views.sql", "stg_streaming_views.yml"];
export function sourceAdd(stackOf: () => Stack): void {
  let stack: Stack;
  beforeAll(() => {
    stack = stackOf();
    cpSync(join(projectFolder, "data/streaming"), join(stack.folder, "data/streaming"), { recursive: true });
    cpSync(join(projectFolder, stagingFolder), join(stack.folder, stagingFolder), { recursive: true });
  });

  let startedMs: number;

  const read = (name: string) => readFileSync(join(stack.folder, name), "utf8");
  /** The dbt project that gets the model is the test's own copy. */
  const options = () => ({ env: { REELHOUSE_DBT_PROJECT: join(stack.folder, "dbt_project") } });

  describe("source add", () => {
    it("should print what it would write, and write nothing, with --dry-run", async () => {
      const before = read("pipeline.yaml");
      const { stdout } = await stack.succeed([...words, "--dry-run"], options());
      for (const name of models) expect(stdout).toContain(name);
      expect(stdout).toContain("  streaming_views: data/streaming/views.csv\n");
      expect(read("pipeline.yaml")).toBe(before);
      expect(existsSync(join(stack.folder, "sources"))).toBe(false);
      expect(existsSync(join(stack.folder, stagingFolder, "stg_streaming_views.sql"))).toBe(false);
    });

    it("should refuse a file that is no table, a missing one and a name that exists", async () => {
      stack.write("page.csv", "<html></html>");
      const outcomes = [
        await stack.reelhouse(["source", "add", "page.csv", "--name", "streaming_views"], options()),
        await stack.reelhouse(["source", "add", "nowhere/x.csv", "--name", "streaming_views"], options()),
        await stack.reelhouse([...words.slice(0, 3), "--name", "critic_agg"], options()),
      ];
      expect(outcomes.map(({ code }) => code)).toEqual([3, 3, 2]);
      expect(existsSync(join(stack.folder, "sources"))).toBe(false);
    });

    it("should write the files, keep the rest of pipeline.yaml, and refuse a second time", async () => {
      const before = read("pipeline.yaml");
      startedMs = performance.now();
      const { stdout } = await stack.succeed([...words, "--json"], options());
      const { source, files } = JSON.parse(stdout) as {
        source: string;
        files: { path: string; text: string }[];
      };
      expect(source).toBe("streaming_views");
      expect(files).toHaveLength(5);
      for (const { path, text } of files) expect(readFileSync(path, "utf8")).toBe(text);
      expect(read("pipeline.yaml").replace("  streaming_views: data/streaming/views.csv\n", "")).toBe(before);

      const again = await stack.reelhouse(words, options());
      expect(again.code).toBe(2);
      expect(again.stderr).toContain("exists already");
    });

    it("should see a file outside of the configuration's folder", async () => {
      stack.write("elsewhere/ratings.csv", "film,stars\nHeat,5\n");
      stack.write("configured/pipeline.yaml", "source:\n  critic_agg: ../data/sample/critic_agg.csv\n");
      const file = join(stack.folder, "elsewhere/ratings.csv");
      const { stdout } = await stack.succeed(
        ["source", "add", "elsewhere/ratings.csv", "--config", "configured/pipeline.yaml", "--dry-run"],
        options(),
      );
      expect(stdout).toContain(`  ratings: ${file}\n`);
    });
  });

  describe("the added source", () => {
    it("should be loaded by the next run of the ingester, by its contract", async () => {
      const { stdout } = await stack.succeed(["ingest", "--json"]);
      expect(JSON.parse(stdout).loaded).toContainEqual(
        expect.objectContaining({ source: "streaming_views", rowsAccepted: 10, rowsQuarantined: 0 }),
      );
      const rows = await stack.query(
        "SELECT film, week, views FROM bronze.streaming_views WHERE views = '88215'",
        "admin",
      );
      expect(rows).toEqual([{ film: "Paddington 2", week: "2024-01-15", views: "88215" }]);
    });

    it("should be built as it was proposed", async () => {
      for (const name of models) {
        const inside = `dbt:/opt/dbt/project/models/staging/${name}`;
        const copied = await stack.compose(["cp", join(stack.folder, stagingFolder, name), inside]);
        expect(copied.code, copied.stderr).toBe(0);
      }
      await restart(stack, "dbt");
      await stack.succeed(["build"]);
      const rows = await stack.query(
        `SELECT cast(count(*) AS varchar) AS row_count, cast(sum(views) AS varchar) AS views,
         cast(max(week) AS varchar) AS week, cast(sum(cardinality(failed_casts)) AS varchar) AS failed
       FROM staging.stg_streaming_views`,
        "dbt",
        "audit",
      );
      expect(rows).toEqual([{ row_count: "10", views: "3709620", week: "2024-01-15", failed: "0" }]);
      // Of what a user waits for, all but the image of the changed project: seconds, and nothing is downloaded.
      expect((performance.now() - startedMs) / 1000).toBeLessThan(120);
    });

    it("should reach gold with the models of the walk-through", async () => {
      const blocks = [...readText("docs/add-a-source.md").matchAll(/^```\w*\n([\s\S]*?)^```/gm)];
      const block = (part: string) =>
        blocks.map(([, text = ""]) => text).find((text) => text.includes(part)) ?? "";
      const described = read(`${stagingFolder}/stg_streaming_views.yml`);
      const files = {
        "staging/stg_streaming_views.sql": block("{{ film_key("),
        "staging/stg_streaming_views.yml": described.replace(
          /^ *columns:\n/m,
          `$&${block("- name: film_key\n")}`,
        ),
        "gold/streaming_films.sql": block("final as ("),
        "gold/streaming_films.yml": block("- name: streaming_films"),
      };
      for (const [name, text] of Object.entries(files)) {
        const file = stack.write(`walk-through/${name}`, text);
        const copied = await stack.compose(["cp", file, `dbt:/opt/dbt/project/models/${name}`]);
        expect(copied.code, copied.stderr).toBe(0);
      }
      await restart(stack, "dbt");
      await stack.succeed(["run", "--no-export"]);
      const [, statement = ""] =
        /reelhouse sql "(SELECT [^"]* FROM gold\.streaming_films [^"]*)"/.exec(
          block("gold.streaming_films"),
        ) ?? [];
      const { stdout } = await stack.succeed(["sql", statement]);
      for (const line of block("| streaming_views |").trim().split("\n").slice(2))
        expect(stdout).toContain(line);
    });

    it("should be published with a warning when a value does not survive its cast", async () => {
      stack.write("data/streaming/views.csv", "film,week,views\nHeat,2024-01-08,many\n ,2024-01-08,100000\n");
      const { stderr } = await stack.succeed(["run", "--no-export"]);
      expect(stderr).toContain("survives_its_casts_stg_streaming_views");
      expect(stderr).toContain("not_null_stg_streaming_views");
      const rows = await stack.query(
        "SELECT film, views, array_join(failed_casts, ',') AS failed FROM staging.stg_streaming_views WHERE film = 'Heat'",
        "dbt",
        "audit",
      );
      expect(rows).toEqual([{ film: "Heat", views: null, failed: "views" }]);
    });

    it("should be held back when a required column is missing, and hold up builds until it is mended", async () => {
      const file = "data/streaming/views.csv";
      const mended = read(file);
      stack.write(file, "film,views\nHeat,1\n");
      const { code, stderr } = await stack.reelhouse(["ingest"]);
      expect(code).toBe(3);
      expect(stderr).toContain("missing column week");
      const build = await stack.reelhouse(["build", "--force"]);
      expect(build).toMatchObject({ code: 3, stderr: expect.stringContaining("refused: streaming_views") });

      stack.write(file, mended);
      await stack.succeed(["ingest"]);
      await stack.succeed(["build", "--force"]);
    });
  });
}
