/**
 * Times what 1,000 rows more cost, by the rows that are there: `npm run bench:incremental [ROUNDS] [ROWS...]` (default 3
 * rounds at 10,000, 100,000 and 1,000,000). A fifth of the rows comes from each source; of those that are added, half are
 * about films that are known. Prints a Markdown table of medians.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SourceName, sourceNames } from "../oracle/index.ts";
import { columnsOf } from "../oracle/sources.ts";
import { compose, type Figures, folder, note, table, timed } from "./own-stack.ts";

const [rounds = "3", ...wanted] = process.argv.slice(2);
const sizes = (wanted.length > 0 ? wanted : ["10000", "100000", "1000000"]).map(Number);
const addedRows = 1000;
const scratch = mkdtempSync(join(tmpdir(), "reelhouse-bench-"));
const run = ["run", "--no-export", "--config", join(scratch, "pipeline.yaml")];
const seconds: Figures = new Map();

compose("down", "--volumes", "--remove-orphans");
await timed("scripts/up", []);
cpSync(join(folder, "pipeline.yaml"), join(scratch, "pipeline.yaml"));
mkdirSync(join(scratch, "data/sample"), { recursive: true });
let films = 0;
for (const rows of sizes) {
  const size = `${rows.toLocaleString("en")} rows`;
  process.stderr.write(`${size}\n`);
  deliver(films, rows / sourceNames.length);
  await timed("scripts/reelhouse", run);
  for (let round = 1; round <= Number(rounds); round++) {
    const newFilms = addedRows / sourceNames.length / 2;
    deliver(films - newFilms, films + newFilms);
    note(seconds, `${size}: \`run\`, ${addedRows} rows more`, await timed("scripts/reelhouse", run));
    noteBuild(`${size}: \`run\`, ${addedRows} rows more`);
  }
  note(
    seconds,
    `${size}: \`build --full-refresh\``,
    await timed("scripts/reelhouse", ["build", "--full-refresh"]),
  );
  noteBuild(`${size}: \`build --full-refresh\``);
}
compose("down", "--volumes", "--remove-orphans");
rmSync(scratch, { recursive: true });
process.stdout.write(table("What", "s", seconds, 1));

/** Writes a file of each source with the films from number `first` up to and without `end`. */
function deliver(first: number, end: number): void {
  for (const source of sourceNames) {
    const records = Array.from({ length: end - first }, (_, index) => recordOf(source, first + index));
    const isJson = source === "audience_pulse";
    const text = isJson
      ? JSON.stringify(records.map((cells) => objectOf(source, cells)))
      : asCsv(source, records);
    const path = join(scratch, "data/sample", `${source}.${isJson ? "json" : "csv"}`);
    writeFileSync(path, text);
  }
  films = Math.max(films, end);
}

/** The same film has other figures in each delivery. */
function recordOf(source: SourceName, film: number): string[] {
  const measures = columnsOf(source)
    .slice(2)
    .map((_, index) => String(((film + films + index) % 10) + 1));
  return [`The Film No. ${film}`, String(1900 + (film % 120)), ...measures];
}

function objectOf(source: SourceName, cells: string[]): Record<string, string | undefined> {
  return Object.fromEntries(columnsOf(source).map((name, index) => [name, cells[index]]));
}

function asCsv(source: SourceName, records: string[][]): string {
  return [columnsOf(source), ...records].map((cells) => `${cells.join(",")}\n`).join("");
}

/** The parts of the newest publication's build: its tables, and the tests, which read whole tables. */
function noteBuild(name: string): void {
  const sql = `select details ->> 'build_seconds', details ->> 'test_seconds' from branch.publication order by id desc limit 1`;
  const psql = ["psql", "--no-psqlrc", "-At", "--dbname", "lakehouse", "--command", sql];
  const [all = 0, tests = 0] = compose("exec", "-T", "catalog", ...psql)
    .trim()
    .split("|")
    .map(Number);
  note(seconds, `${name}: its tables`, all - tests);
  note(seconds, `${name}: its tests`, tests);
}
