/** Who is measured, as command lines; each makes the folder OUTPUT and says how many rows and how much memory. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

export interface Candidate {
  name: string;
  formats: string[];
  /** Larger inputs would take minutes. */
  maximumRows: number;
  /** Reads the file with broken records; the others would stop at the first one. */
  takesBroken: boolean;
  command(input: string, output: string, format: string): [string, ...string[]];
}

const script = (name: string) => join(import.meta.dirname, name);
const libraries = ["duckdb==1.5.6", "polars==2.1.0", "pandas==3.1.1", "pyarrow==26.0.1"];

const ofNode = (name: string, file: string, more: Partial<Candidate> = {}): Candidate => ({
  name,
  formats: ["csv", "json"],
  maximumRows: Number.POSITIVE_INFINITY,
  takesBroken: false,
  command: (...words) => [process.execPath, script(file), ...words],
  ...more,
});

export const nodeCandidates: Candidate[] = [
  ofNode("**Reelhouse**, with all it promises", "reelhouse.ts", {
    takesBroken: true,
    // The option of ingest/bin/reelhouse.
    command: (...words) => [process.execPath, "--max-semi-space-size=1", script("reelhouse.ts"), ...words],
  }),
  ofNode("DuckDB `COPY`, Node", "duckdb.ts"),
  ofNode("csv-parse and parquetjs-lite", "plain.ts", { formats: ["csv"], maximumRows: 1_000_000 }),
];

/** Makes a Python environment in `folder`; none of its candidates where that does not work. */
export function pythonCandidates(folder: string): Candidate[] {
  const python = join(folder, "bin/python");
  const run = (command: string, words: string[]) =>
    spawnSync(command, words, { stdio: ["ignore", "ignore", "inherit"] }).status === 0;
  const isReady =
    existsSync(python) ||
    (run("python3", ["-m", "venv", folder]) &&
      run(python, ["-m", "pip", "install", "--quiet", ...libraries]));
  if (!isReady) {
    process.stderr.write(
      "no Python environment could be made: without DuckDB, Polars and pandas for Python\n",
    );
    return [];
  }
  return [
    { name: "DuckDB `COPY`, Python", library: "duckdb" },
    { name: "Polars", library: "polars" },
    { name: "pandas", library: "pandas" },
  ].map(({ name, library }) => ({
    name,
    formats: ["csv", "json"],
    maximumRows: Number.POSITIVE_INFINITY,
    takesBroken: false,
    command: (...words) => [python, script("frames.py"), library, ...words],
  }));
}
