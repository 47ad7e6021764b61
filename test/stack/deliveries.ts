/** Provider files for the stack tests, and the same deliveries for the independent computation. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileName } from "../fixtures/source-file.ts";
import type { Delivery, SourceName } from "../oracle/index.ts";
import { sourceNames } from "../oracle/index.ts";
import { columnsOf } from "../oracle/sources.ts";
import { projectFolder, type Row, type Stack } from "./stack.ts";

export type SampleFiles = Partial<Record<SourceName, string>>;

/** The five files of a data folder (`data/sample`, `data/films`), each as the only delivery of its source. */
export function deliveriesOf(folder: string): Record<SourceName, Delivery[]> {
  const read = (source: SourceName): Delivery[] => {
    const file = join(projectFolder, folder, fileName(source));
    return [{ file, text: readFileSync(file, "utf8") }];
  };
  return Object.fromEntries(sourceNames.map((source) => [source, read(source)])) as Record<
    SourceName,
    Delivery[]
  >;
}

export const sampleDeliveries = () => deliveriesOf("data/sample");

/** Puts files where the stack's own pipeline.yaml looks for them. */
export function deliver(stack: Stack, files: SampleFiles): void {
  for (const [source, text] of Object.entries(files)) {
    stack.write(`data/sample/${fileName(source as SourceName)}`, text);
  }
}

/** gold.movies_unified as the CLI's users get it. */
export function goldMovies(stack: Stack): Promise<Row[]> {
  return stack.query("SELECT * FROM gold.movies_unified ORDER BY movie_title, release_year");
}

/** A CSV file of a source: its header, then `lines` as they are. */
export function csvFile(source: Exclude<SourceName, "audience_pulse">, lines: string[]): string {
  return `${columnsOf(source).join(",")}\n${lines.map((line) => `${line}\n`).join("")}`;
}
