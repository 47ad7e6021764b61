/**
 * Times loading to Parquet on local disk, whole processes: `npm run bench [ROUNDS] [CASE...]` (default 5, all cases).
 * Candidates take turns, in the other direction every other round. Prints a Markdown table of medians per case.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { type Candidate, nodeCandidates, pythonCandidates } from "./ingest/candidates.ts";
import { makeCsv, makeJson } from "./ingest/data.ts";

const folder = resolve(import.meta.dirname, "../../out/bench");
const brokenShare = 0.01;
const cases = [
  { name: "csv-100k", format: "csv", rows: 100_000 },
  { name: "csv-1m", format: "csv", rows: 1_000_000 },
  { name: "csv-5m", format: "csv", rows: 5_000_000 },
  { name: "json-1m", format: "json", rows: 1_000_000 },
];
type Case = (typeof cases)[number];

interface Figures {
  seconds: number[];
  /** Of all cores together. */
  cpuSeconds: number[];
  mebibytes: number[];
  outputMegabytes: number;
  rows: number;
}

const [rounds = "5", ...wanted] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const candidates = [...nodeCandidates, ...pythonCandidates(join(folder, "python"))];
const cpu = cpus();
process.stdout.write(
  `${cpu.length} cores (${cpu[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}\n`,
);
for (const one of cases) if (wanted.length === 0 || wanted.includes(one.name)) measureCase(one);

function measureCase(one: Case): void {
  const inputs = makeInputs(one);
  const taking = candidates.filter(
    ({ formats, maximumRows }) => formats.includes(one.format) && one.rows <= maximumRows,
  );
  const figures = new Map(taking.map(({ name }) => [name, newFigures()]));
  for (let round = 1; round <= Number(rounds); round++) {
    process.stderr.write(`${one.name}: round ${round} of ${rounds}\n`);
    for (const candidate of round % 2 === 1 ? taking : taking.toReversed()) {
      const input = candidate.takesBroken ? inputs.broken : inputs.clean;
      measure(candidate, input, one.format, figures.get(candidate.name) ?? newFigures());
    }
  }
  process.stdout.write(
    `\n### ${one.name}, ${(statSync(inputs.clean).size / 1e6).toFixed(0)} MB\n\n${table(figures)}`,
  );
}

function newFigures(): Figures {
  return { seconds: [], cpuSeconds: [], mebibytes: [], outputMegabytes: 0, rows: 0 };
}

function makeInputs({ name, format, rows }: Case): { clean: string; broken: string } {
  const clean = join(folder, `${name}.${format}`);
  if (format === "json") {
    makeJson(clean, rows);
    return { clean, broken: clean };
  }
  const broken = join(folder, `${name}.broken.csv`);
  makeCsv(clean, rows, 0);
  makeCsv(broken, rows, brokenShare);
  return { clean, broken };
}

function measure({ name, command }: Candidate, input: string, format: string, figures: Figures): void {
  const output = join(folder, "output");
  rmSync(output, { recursive: true, force: true });
  const [program, ...words] = command(input, output, format);
  const startedMs = performance.now();
  // Compiled by the first run of each candidate for all others, as the ingester's image has it.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, "compiled") };
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8", env });
  figures.seconds.push((performance.now() - startedMs) / 1000);
  if (status !== 0) throw new Error(`${name}: exit ${status}\n${stderr}`);
  const answer = JSON.parse(stdout);
  figures.cpuSeconds.push(answer.cpuSeconds);
  figures.mebibytes.push(answer.kilobytes / 1024);
  figures.rows = answer.rows;
  const files = readdirSync(output).map((file) => statSync(join(output, file)).size);
  figures.outputMegabytes = files.reduce((sum, size) => sum + size, 0) / 1e6;
}

/** Ratios are those of the medians; the reference is DuckDB's `COPY` in the same kind of process. */
function table(figures: Map<string, Figures>): string {
  const reference = median(figures.get("DuckDB `COPY`, Node")?.seconds ?? []);
  const rows = [...figures].map(([name, { seconds, cpuSeconds, mebibytes, outputMegabytes, rows }]) => [
    name,
    median(seconds).toFixed(2),
    Math.min(...seconds).toFixed(2),
    (median(seconds) / reference).toFixed(2),
    median(cpuSeconds).toFixed(2),
    median(mebibytes).toFixed(0),
    outputMegabytes.toFixed(1),
    String(rows),
  ]);
  const header = ["what", "median s", "least s", "ratio", "CPU s", "peak MiB", "output MB", "rows"];
  const lines = [header, ["---", ...header.slice(1).map(() => "---:")], ...rows];
  return `${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`;
}

function median(values: number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}
