/** A stack of the bench's own, under a project name and a port that nothing else has, and figures about it. */
import { execFile, execFileSync } from "node:child_process";
import { resolve } from "node:path";

const project = "reelhouse-bench";
export const folder = process.env.REELHOUSE_PROJECT ?? resolve(import.meta.dirname, "../..");
export const env = { ...process.env, COMPOSE_PROJECT_NAME: project, TRINO_PORT: "18443" };

export function compose(...words: string[]): string {
  return execFileSync("docker", ["compose", "--project-directory", folder, ...words], {
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
}

/** Runs one of the project's scripts to its end and answers how many seconds it took. Throws unless it ends with 0. */
export function timed(script: string, words: string[]): Promise<number> {
  const startedMs = performance.now();
  return new Promise((done, fail) => {
    const options = { cwd: folder, env, maxBuffer: 1_000_000_000 };
    execFile(resolve(folder, script), words, options, (error, _stdout, stderr) => {
      if (error) fail(new Error(`${script} ${words.join(" ")}: ${error.message}\n${stderr.slice(-10_000)}`));
      else done((performance.now() - startedMs) / 1000);
    });
  });
}

/** Name of a row -> what was measured, in the order of first appearance. */
export type Figures = Map<string, number[]>;

export function note(figures: Figures, name: string, figure: number): void {
  figures.set(name, [...(figures.get(name) ?? []), figure]);
}

export function median(values: readonly number[]): number {
  const ordered = values.toSorted((a, b) => a - b);
  return ordered[Math.floor(ordered.length / 2)] ?? 0;
}

/** Markdown. */
export function table(title: string, unit: string, figures: Figures, digits: number): string {
  const rows = [...figures].map(([name, values]) => {
    const cells = [median(values), Math.min(...values), Math.max(...values)];
    return [name, ...cells.map((value) => value.toFixed(digits))];
  });
  const lines = [[title, `median ${unit}`, "least", "greatest"], ["---", "---:", "---:", "---:"], ...rows];
  return `${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n\n`;
}
