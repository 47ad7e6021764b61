/**
 * Times `reelhouse ingest` into a stack: to the object store and registered in Iceberg, by size and by number of
 * files. `npm run bench:load [ROUNDS] [CASE...]` (default 5, all cases). Prints Markdown tables of medians.
 */
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { addRecord, type Kind, makeData } from "./ingest/data.ts";
import { compose, env, type Figures, folder, note, table, timed } from "./own-stack.ts";

const run = promisify(execFile);
const out = join(folder, "out/bench");
const brokenShare = 0.01;
const often = Number.POSITIVE_INFINITY;
const sizes: { name: string; kind: Kind; rows: number; mostRounds: number }[] = [
  { name: "csv-100k", kind: "csv", rows: 100_000, mostRounds: often },
  { name: "csv-1m", kind: "csv", rows: 1_000_000, mostRounds: often },
  { name: "csv-5m", kind: "csv", rows: 5_000_000, mostRounds: often },
  { name: "json-1m", kind: "json", rows: 1_000_000, mostRounds: often },
  // Larger than the memory that the ingester's container may have.
  { name: "csv-50m", kind: "csv", rows: 50_000_000, mostRounds: 1 },
  { name: "json-12m", kind: "json", rows: 12_000_000, mostRounds: 1 },
  { name: "gzip-50m", kind: "csv.gz", rows: 50_000_000, mostRounds: 1 },
];
const counts = [10, 100, 1000, 10_000].map((files) => ({ name: `files-${files}`, files }));
const rowsPerFile = 50;

const [rounds = "5", ...wanted] = process.argv.slice(2);
const isWanted = ({ name }: { name: string }) => wanted.length === 0 || wanted.includes(name);
const seconds: Figures = new Map();
const known: Figures = new Map();
const mebibytes: Figures = new Map();

mkdirSync(out, { recursive: true });
compose("down", "--volumes", "--remove-orphans");
await timed("scripts/up", []);
for (let round = 1; round <= Number(rounds); round++) {
  process.stderr.write(`round ${round} of ${rounds}\n`);
  for (const { name, kind, rows, mostRounds } of sizes.filter(isWanted)) {
    if (round > mostRounds) continue;
    const file = join(out, `load-${rows}.${kind}`);
    await makeData(file, kind, rows, brokenShare);
    // No round has seen these bytes before.
    addRecord(file, kind, `round ${round}`);
    const size = `${(statSync(file).size / 1e6).toFixed(0)} MB`;
    await load(`${name}: ${rows.toLocaleString("en")} rows, ${size}`, name, file);
  }
  for (const one of counts.filter(isWanted)) {
    const files = makeFiles(one.files, round);
    await load(`${one.files.toLocaleString("en")} files of ${rowsPerFile} rows`, one.name, files);
  }
}
compose("down", "--volumes", "--remove-orphans");
rmSync(join(out, "files"), { recursive: true, force: true });
process.stdout.write(table("`./scripts/reelhouse ingest`", "s", seconds, 1));
process.stdout.write(table("The same again, nothing new", "s", known, 1));
process.stdout.write(table("Memory of the ingester at its peak", "MiB", mebibytes, 0));

async function load(title: string, name: string, path: string): Promise<void> {
  process.stderr.write(`  ${title}\n`);
  const config = join(out, `${name}.yaml`);
  writeFileSync(config, `source:\n  bench_${name.replaceAll("-", "_")}: {path: ${path}}\n`);
  const words = ["ingest", "--config", config];
  const { seconds: taken, kibibytes } = await watched(timed("scripts/reelhouse", words));
  note(seconds, title, taken);
  note(mebibytes, title, kibibytes / 1024);
  note(known, title, await timed("scripts/reelhouse", words));
}

/** Asks, as long as `work` lasts, for the greatest memory that the command's process has had so far. */
async function watched(work: Promise<number>): Promise<{ seconds: number; kibibytes: number }> {
  let isOver = false;
  const over = work.finally(() => {
    isOver = true;
  });
  // Told by `over` itself, below.
  over.catch(() => undefined);
  let kibibytes = 0;
  while (!isOver) {
    await sleep(500);
    kibibytes = Math.max(kibibytes, await peakMemory().catch(() => 0));
  }
  return { seconds: await over, kibibytes };
}

async function peakMemory(): Promise<number> {
  const filters = [
    ...["--filter", `label=com.docker.compose.project=${env.COMPOSE_PROJECT_NAME}`],
    ...["--filter", "name=reelhouse-cli-"],
  ];
  const { stdout: id } = await run("docker", ["ps", "--quiet", ...filters]);
  if (id.trim() === "") return 0;
  const read = "grep -h VmHWM /proc/[0-9]*/status";
  const { stdout } = await run("docker", ["exec", id.trim(), "sh", "-c", read]);
  return Math.max(...[...stdout.matchAll(/(\d+) kB/g)].map(([, digits]) => Number(digits)));
}

/** A folder of small files, which no round has seen before. */
function makeFiles(count: number, round: number): string {
  const path = join(out, "files", `${count}-${round}`);
  mkdirSync(path, { recursive: true });
  for (let file = 1; file <= count; file++) {
    const row = (line: number) => `Film ${line} of ${file},${1900 + (line % 120)},${line % 101},${round}`;
    const lines = Array.from({ length: rowsPerFile }, (_, line) => row(line + 1));
    writeFileSync(
      join(path, `films-${String(file).padStart(5, "0")}.csv`),
      `movie_title,release_year,score,round\n${lines.join("\n")}\n`,
    );
  }
  return path;
}
