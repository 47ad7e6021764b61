/**
 * Times what 1,000 rows more cost, by the rows that are there: `npm run bench:incremental [ROUNDS] [ROWS...]` (default 3
 * rounds at 10,000, 100,000 and 1,000,000). A fifth of the rows comes from each source; of those that are added, half are
 * about films that are known, from all over the tables. Prints a Markdown table of medians.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileName, sourceText } from "../fixtures/source-file.ts";
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
  deliver(numbers(films, rows / sourceNames.length));
  await timed("scripts/reelhouse", run);
  for (let round = 1; round <= Number(rounds); round++) {
    const newFilms = addedRows / sourceNames.length / 2;
    const step = Math.floor(films / newFilms);
    const known = Array.from({ length: newFilms }, (_, index) => index * step + round);
    deliver([...known, ...numbers(films, films + newFilms)]);
    await noteBuild(`${size}: \`run\`, ${addedRows} rows more`, run, "changed");
  }
  await noteBuild(`${size}: \`build --full-refresh\``, ["build", "--full-refresh"], "whole");
  for (let round = 1; round <= Number(rounds); round++) await noteBranch(`${size}: \`branch create\``);
}
compose("down", "--volumes", "--remove-orphans");
rmSync(scratch, { recursive: true });
process.stdout.write(table("What", "s", seconds, 1));

function numbers(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}

/** Writes a file of each source with the films of these numbers. */
function deliver(wanted: number[]): void {
  for (const source of sourceNames) {
    const records = wanted.map((film) => recordOf(source, film));
    writeFileSync(join(scratch, "data/sample", fileName(source)), sourceText(source, records));
  }
  films = Math.max(films, ...wanted.slice(-1).map((last) => last + 1));
}

/** The same film has other figures in each delivery. */
function recordOf(source: SourceName, film: number): string[] {
  const measures = columnsOf(source)
    .slice(2)
    .map((_, index) => String(((film + films + index) % 10) + 1));
  return [`The Film No. ${film}`, String(1900 + (film % 120)), ...measures];
}

/** Times a command, and the parts of its build: its tables, and the tests, which read whole tables. */
async function noteBuild(name: string, words: string[], scope: "changed" | "whole"): Promise<void> {
  note(seconds, name, await timed("scripts/reelhouse", words));
  const sql = `select details -> 'scope' ? '${scope}', details ->> 'build_seconds', details ->> 'test_seconds'
    from branch.publication order by id desc limit 1`;
  const [isMeant, all, tests] = catalogRow(sql);
  if (isMeant !== "t") throw new Error(`${name}: not the build that was meant`);
  note(seconds, `${name}: its tables`, Number(all) - Number(tests));
  note(seconds, `${name}: its tests`, Number(tests));
}

/** Times a branch of all tables, without the start of the command's container. */
async function noteBranch(name: string): Promise<void> {
  await timed("scripts/reelhouse", ["branch", "create", "trial"]);
  const [took] = catalogRow(
    `select extract(epoch from finished_at - started_at) from ledger.run
     where command = 'branch create' order by started_at desc limit 1`,
  );
  note(seconds, name, Number(took));
  await timed("scripts/reelhouse", ["branch", "drop", "trial"]);
}

function catalogRow(sql: string): string[] {
  const psql = ["psql", "--no-psqlrc", "-At", "--dbname", "lakehouse", "--command", sql];
  return compose("exec", "-T", "catalog", ...psql)
    .trim()
    .split("|");
}
