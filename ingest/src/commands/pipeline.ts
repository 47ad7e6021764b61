import { type Command, type Context, commonOptions, type Words } from "../command.ts";
import { exitCode, ReelhouseError } from "../errors.ts";
import { exportLayers } from "../export.ts";
import type { IngestResult } from "../ingest.ts";
import { configuredPipeline, withRun } from "../session.ts";
import { buildStep, ingestStep } from "../steps.ts";

const { config, wait, partial, json } = commonOptions;

export const run: Command = {
  summary: "ingest, build, test, publish and export: the whole pipeline",
  positionals: "",
  options: {
    config,
    wait,
    partial,
    json,
    force: { type: "boolean", help: "build and publish even if nothing changed" },
    "unit-tests": { type: "boolean", help: "also run the models' unit tests" },
    "no-export": { type: "boolean", help: "do not write the CSV files of 'output'" },
  },
  async run(words, context) {
    const pipeline = configuredPipeline(words, context.env);
    return withRun("run", words, context, async (run) => {
      const loaded = await ingestStep(run, pipeline);
      refuseIncomplete(loaded, words);
      const publication = await buildStep(run, {
        force: words.options.force === true,
        unitTests: words.options["unit-tests"] === true,
        missing: loaded.refused.map(({ source }) => source),
      });
      const exported = words.options["no-export"] ? [] : await exportLayers(pipeline.output, run);
      if (words.options.json) {
        context.print(`${JSON.stringify({ ...loaded, publication: publication?.id ?? null, exported })}\n`);
      }
      return exitCode.ok;
    });
  },
};

/** A refused source stops the run before anything is built from half of the input, unless the user wants just that. */
function refuseIncomplete({ refused }: IngestResult, { options }: Words): void {
  if (refused.length === 0 || options.partial) return;
  const sources = [...new Set(refused.map(({ source }) => source))].join(", ");
  throw new ReelhouseError(`refused: ${sources}; nothing was published`, exitCode.inputRefused, {
    next: "mend or replace the files named above and run again, or publish the rest with --partial",
  });
}

export const ingest: Command = {
  summary: "load the files of pipeline.yaml into bronze",
  positionals: "",
  options: { config, wait, json },
  async run(words, context: Context) {
    const pipeline = configuredPipeline(words, context.env);
    return withRun("ingest", words, context, async (run) => {
      const loaded = await ingestStep(run, pipeline);
      if (words.options.json) context.print(`${JSON.stringify(loaded)}\n`);
      return loaded.refused.length > 0 ? exitCode.inputRefused : exitCode.ok;
    });
  },
};

export const build: Command = {
  summary: "build and test silver and gold from bronze, and publish",
  positionals: "",
  options: {
    wait,
    json,
    force: { type: "boolean", help: "build and publish even if nothing changed" },
    "unit-tests": { type: "boolean", help: "also run the models' unit tests" },
  },
  async run(words, context) {
    return withRun("build", words, context, async (run) => {
      const publication = await buildStep(run, {
        force: words.options.force === true,
        unitTests: words.options["unit-tests"] === true,
        missing: [],
      });
      if (words.options.json) context.print(`${JSON.stringify({ publication: publication?.id ?? null })}\n`);
      return exitCode.ok;
    });
  },
};
