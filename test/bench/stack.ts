/**
 * Times the stack as a user meets it, on built images: `npm run bench:stack [ROUNDS]` (default 5). Each round starts
 * from nothing: no volumes, no secrets. Prints a Markdown table of medians, the least and the greatest.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compose, type Figures, folder, note, table, timed } from "./own-stack.ts";

const rounds = Number(process.argv[2] ?? 5);
/** Long enough for garbage collection and for what follows a run to calm down. */
const restSeconds = 60;
const scratch = mkdtempSync(join(tmpdir(), "reelhouse-bench-"));

const seconds: Figures = new Map();
const mebibytes: Figures = new Map();

for (let round = 1; round <= rounds; round += 1) {
  process.stderr.write(`round ${round} of ${rounds}\n`);
  compose("down", "--volumes", "--remove-orphans");
  await time("`./scripts/up` from nothing to gold, images built", "scripts/up", []);
  await time("`./scripts/up` again, nothing to do", "scripts/up", []);
  await time("`./scripts/reelhouse run`, nothing to do", "scripts/reelhouse", ["run"]);
  await time("`./scripts/reelhouse run`, warm: the sample's five files changed", "scripts/reelhouse", [
    ...["run", "--config", changedSample()],
  ]);
  await time("`./scripts/reelhouse sql`", "scripts/reelhouse", [
    "sql",
    "SELECT count(*) FROM gold.movies_unified",
  ]);
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

async function time(name: string, script: string, words: string[]): Promise<void> {
  note(seconds, name, await timed(script, words));
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
