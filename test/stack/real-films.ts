/** The real films, and deliveries made to be difficult: gold, silver and their accounts equal the independent ones. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { fileName } from "../fixtures/source-file.ts";
import { type Delivery, differences, expectedLake, type SourceName, sourceNames } from "../oracle/index.ts";
import { csvFile, deliver, deliveriesOf, goldMovies } from "./deliveries.ts";
import { difficult } from "./difficult.ts";
import { projectFolder, type Stack } from "./stack.ts";

/** Everything delivered so far, oldest first. */
const delivered: Record<SourceName, Delivery[]> = deliveriesOf("data/films");
let stack: Stack;

/** Compares gold, rejects, invalid values and the accounts with the independent computation of all deliveries. */
async function expectAsComputed(): Promise<void> {
  const expected = expectedLake(delivered);
  expect(differences(await goldMovies(stack), expected.movies).slice(0, 20)).toEqual([]);
  const rejected = await stack.query("SELECT source, _row_number AS row, reason FROM silver.rejected_rows");
  expect(sorted(rejected.map(({ source, row, reason }) => `${source}:${row}:${reason}`))).toEqual(
    sorted(expected.rejected.map(({ source, rowNumber, reason }) => `${source}:${rowNumber}:${reason}`)),
  );
  const invalid = await stack.query(
    "SELECT source, film_key, column_name, raw_value, reason FROM silver.invalid_values",
  );
  expect(
    sorted(
      invalid.map((row) => `${row.source}:${row.film_key}:${row.column_name}:${row.raw_value}:${row.reason}`),
    ),
  ).toEqual(
    sorted(
      expected.invalid.map((row) => `${row.source}:${row.filmKey}:${row.column}:${row.raw}:${row.reason}`),
    ),
  );
  for (const source of sourceNames) {
    expect(await account(source), source).toEqual(expected.accounting[source]);
  }
}

const sorted = (lines: string[]) => lines.sort();

/** One source's account as gold.data_quality publishes it. */
async function account(source: SourceName): Promise<Record<string, number>> {
  const rows = await stack.query(
    `SELECT metric, sum(value) AS total FROM gold.data_quality WHERE source = '${source}' GROUP BY metric`,
  );
  const total = (metric: string) => Number(rows.find((row) => row.metric === metric)?.total ?? 0);
  return {
    read: total("rows_in"),
    excluded: total("excluded"),
    quarantined: total("quarantined"),
    kept: total("kept"),
    superseded: total("superseded"),
    rejected: total("rejected"),
  };
}

/** Good enough for data/films, which has no line break inside a field. */
const csvRecords = (text: string) => text.trimEnd().split("\n").length - 1;

export function realFilms(stackOf: () => Stack): void {
  beforeAll(() => {
    stack = stackOf();
  });

  describe("the real films", () => {
    it("should give the gold that an independent computation gives", async () => {
      const words = ["run", "--config", "pipeline.films.yaml"];
      const { code, stderr } = await stack.script("reelhouse", words, { cwd: projectFolder });
      expect(code, stderr).toBe(0);
      expect(stderr).toContain("nothing new since publication 1");
      await expectAsComputed();
      expect(await goldMovies(stack)).toHaveLength(expectedLake(delivered).movies.length);
    });

    it("should account for every row of the files", async () => {
      const [totals] = await stack.query(
        `SELECT sum(rows_read) AS read, sum(rows_accepted + rows_quarantined) AS kept FROM bronze.batches`,
        "admin",
      );
      const lines = (source: SourceName) =>
        readFileSync(join(projectFolder, "data/films", fileName(source)), "utf8");
      const records = sourceNames.map((source) =>
        source === "audience_pulse" ? JSON.parse(lines(source)).length : csvRecords(lines(source)),
      );
      expect(totals?.read).toBe(records.reduce((a, b) => a + b, 0));
      expect(totals?.kept).toBe(totals?.read);
    });
  });

  describe("difficult deliveries", () => {
    it(`should be unified as computed: ${difficult.map(({ name }) => name).join("; ")}`, async () => {
      for (const { files } of difficult) {
        for (const [source, text] of Object.entries(files) as [SourceName, string][]) {
          delivered[source].push({ file: `data/sample/${fileName(source)}`, text });
        }
        // Sources without a new file are delivered again as they were: nothing is added for them.
        const again = Object.fromEntries(
          sourceNames.map((source) => [source, files[source] ?? delivered[source].at(-1)?.text ?? ""]),
        );
        deliver(stack, again);
        await stack.succeed(["ingest"]);
      }
      await stack.succeed(["build"]);
      await expectAsComputed();
    });

    it("should keep broken records in bronze.quarantine with their raw text, line and reason", async () => {
      deliver(stack, {
        critic_agg: csvFile("critic_agg", [
          "Good,2001,50,5,10",
          "Too,few",
          'Open "quote,2001,1,1,1',
          '"Broken" text,2001,1,1,1',
        ]),
      });
      await stack.succeed(["ingest"]);
      const rows = await stack.query(
        "SELECT line_number, reason, raw FROM bronze.quarantine WHERE source = 'critic_agg' AND raw LIKE 'Too%' OR raw LIKE '\"Broken%' ORDER BY line_number",
        "admin",
      );
      expect(rows).toEqual([
        { line_number: 3, reason: "too_few_fields", raw: "Too,few" },
        { line_number: 5, reason: "broken_quoting", raw: '"Broken" text,2001,1,1,1' },
      ]);
    });
  });

  describe("the models' unit tests", () => {
    it("should pass in the dbt container", async () => {
      const outcome = await stack.reelhouse(["build", "--force", "--unit-tests"]);
      expect(outcome.stderr).not.toContain("failed_node");
      expect(outcome.code).toBe(0);
    });
  });
}
