/**
 * Times the stack as a user meets it, on built images: `npm run bench:stack [ROUNDS]` (default 5). Each round starts
 * from nothing: no volumes, no secrets. Prints a Markdown table of medians, the least and the greatest.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const project = "reelhouse-bench";
const folder = process.env.REELHOUSE_PROJECT ?? resolve(import.meta.dirname, "../..");
const env = { ...process.env, COMPOSE_PROJECT_NAME: project, TRINO_PORT: "18443" };
const rounds = Number(process.argv[2] ?? 5);
/** Long enough for garbage collection and for what follows a run to calm down. */
const restSeconds = 60;
const scratch = mkdtempSync(join(tmpdir(), "reelhouse-bench-"));

const seconds = new Map<string, number[]>();
const mebibytes = new Map<string, number[]>();

for (let round = 1; round <= rounds; round += 1) {
  process.stderr.write(`round ${round} of ${rounds}\n`);
  compose("down", "--volumes", "--remove-orphans");
  time("`./scripts/up` from nothing to gold, images built", "scripts/up", []);
  time("`./scripts/up` again, nothing to do", "scripts/up", []);
  time("`./scripts/reelhouse run`, nothing to do", "scripts/reelhouse", ["run"]);
  time("`./scripts/reelhouse run`, warm: the sample's five files changed", "scripts/reelhouse", [
    ...["run", "--config", changedSample()],
  ]);
  time("`./scripts/reelhouse sql`", "scripts/reelhouse", ["sql", "SELECT count(*) FROM gold.movies_unified"]);
  spawnSync("sleep", [String(restSeconds)]);
  for (const [service, size] of memoryAtRest()) note(mebibytes, service, size);
}
compose("down", "--volumes", "--remove-orphans");
rmSync(scratch, { recursive: true });
process.stdout.write(table("What", "s", seconds, 1));
process.stdout.write(table(`Memory ${restSeconds} s after the last command`, "MiB", mebibytes, 0));

/** A pipeline.yaml beside the sample's files, each with one film more: a delivery of every source. */
function changedSample(): string {
  const data = join(scratch, "data/sample");
  cpSync(join(folder, "data/sample"), data, { recursive: true });
  cpSync(join(folder, "pipeline.yaml"), join(scratch, "pipeline.yaml"));
  for (const name of readdirSync(data)) {
    const text = readFileSync(join(data, name), "utf8").trimEnd();
    const changed = name.endsWith(".json")
      ? text.replace(/\]$/, ', {"title": "Heat", "year": "1995"}]')
      : `${text}\nHeat,1995${",1".repeat((text.split("\n", 1)[0] ?? "").split(",").length - 2)}\n`;
    writeFileSync(join(data, name), changed);
  }
  return join(scratch, "pipeline.yaml");
}

function compose(...words: string[]): string {
  return execFileSync("docker", ["compose", "--project-directory", folder, ...words], {
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
}

function time(name: string, script: string, words: string[]): void {
  const startedMs = performance.now();
  const { status, stderr } = spawnSync(resolve(folder, script), words, {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${script} ${words.join(" ")}: exit ${status}\n${stderr}`);
  note(seconds, name, (performance.now() - startedMs) / 1000);
}

/** As the engine's own accounting has it: what a container holds without the page cache. */
function memoryAtRest(): [string, number][] {
  const ids = compose("ps", "--quiet").trim().split("\n");
  const lines = execFileSync(
    "docker",
    ["stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", ...ids],
    {
      encoding: "utf8",
    },
  );
  const sizes = lines
    .trim()
    .split("\n")
    .map((line): [string, number] => {
      const match = /^\S+-bench-(\w+)-\d+ ([\d.]+)(MiB|GiB)/.exec(line);
      if (!match?.[1]) throw new Error(`docker stats: expected NAME and MiB or GiB, found '${line}'`);
      return [match[1], Number(match[2]) * (match[3] === "GiB" ? 1024 : 1)];
    });
  return [...sizes, ["all together", sizes.reduce((sum, [, size]) => sum + size, 0)]];
}

function note(figures: Map<string, number[]>, name: string, figure: number): void {
  figures.set(name, [...(figures.get(name) ?? []), figure]);
}

function table(title: string, unit: string, figures: Map<string, number[]>, digits: number): string {
  const rows = [...figures].map(([name, values]) => {
    const ordered = values.toSorted((a, b) => a - b);
    const median = ordered[Math.floor(ordered.length / 2)];
    return [name, ...[median, ordered[0], ordered.at(-1)].map((value) => (value ?? 0).toFixed(digits))];
  });
  const lines = [[title, `median ${unit}`, "least", "greatest"], ["---", "---:", "---:", "---:"], ...rows];
  return `${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n\n`;
}
