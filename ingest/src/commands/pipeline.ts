import { buildBranch } from "../branches/branch.ts";
import { branchName } from "../branches/registry.ts";
import { allParts, loadingParts } from "../checks.ts";
import { type Command, commonOptions, type Option, type Words } from "../command.ts";
import { refuseSharedFolders } from "../config.ts";
import { configuredPipeline, hostPath } from "../configuration.ts";
import { exitCode } from "../errors.ts";
import { exportLayers } from "../export.ts";
import { type Run, withRun } from "../session.ts";
import { type BuildOptions, buildStep, ingestStep } from "../steps.ts";

const { config, wait, partial, json } = commonOptions;

const building = {
  wait,
  partial,
  json,
  force: { type: "boolean", help: "build and publish even if nothing changed" },
  "unit-tests": { type: "boolean", help: "also run the models' unit tests" },
  "full-refresh": { type: "boolean", help: "build all rows anew, not only those of films that changed" },
} as const satisfies Record<string, Option>;

const buildOptions = ({ options }: Words): BuildOptions => ({
  force: options.force === true,
  partial: options.partial === true,
  unitTests: options["unit-tests"] === true,
  fullRefresh: options["full-refresh"] === true,
});

export const run: Command = {
  summary: "ingest, build, test, publish and export: the whole pipeline",
  positionals: "",
  options: {
    config,
    ...building,
    "no-export": { type: "boolean", help: "do not write the files of 'output'" },
  },
  async run(words, context) {
    const pipeline = configuredPipeline(words, context.env);
    // Before anything is loaded or published, not after it.
    if (!words.options["no-export"])
      await refuseSharedFolders(pipeline, context.env.REELHOUSE_HOST_ROOT ?? "");
    return withRun({ command: "run", parts: allParts, words, context }, async (run) => {
      const loaded = await ingestStep(run, pipeline);
      const publication = await buildStep(run, buildOptions(words));
      const { output, exportFormat } = pipeline;
      const exported = words.options["no-export"]
        ? []
        : await exportLayers({ output, format: exportFormat }, run);
      if (words.options.json) {
        context.print(`${JSON.stringify({ ...loaded, publication: publication?.id ?? null, exported })}\n`);
      }
      return exitCode.ok;
    });
  },
};

export const ingest: Command = {
  summary: "load the files of pipeline.yaml into bronze",
  positionals: "",
  options: {
    config,
    wait,
    json,
    again: {
      type: "string",
      value: "FILE",
      help: "load this file anew, though its bytes were loaded before",
    },
  },
  async run(words, context) {
    const pipeline = configuredPipeline(words, context.env);
    return withRun({ command: "ingest", parts: loadingParts, words, context }, async (run) => {
      const loaded = await ingestStep(run, pipeline, { again: hostPath(words.options.again, context.env) });
      if (words.options.json) context.print(`${JSON.stringify(loaded)}\n`);
      return loaded.refused.length > 0 ? exitCode.inputRefused : exitCode.ok;
    });
  },
};

export const build: Command = {
  summary: "build and test silver and gold from bronze, and publish",
  positionals: "",
  options: {
    ...building,
    branch: { type: "string", value: "NAME", help: "build and test on this branch, and publish nothing" },
  },
  async run(words, context) {
    const name = words.options.branch === undefined ? undefined : branchName(String(words.options.branch));
    return withRun({ command: "build", parts: allParts, words, context }, async (run) => {
      if (name !== undefined) return buildOnBranch(run, name, words);
      const publication = await buildStep(run, buildOptions(words));
      if (words.options.json) context.print(`${JSON.stringify({ publication: publication?.id ?? null })}\n`);
      return exitCode.ok;
    });
  },
};

async function buildOnBranch(run: Run, name: string, words: Words): Promise<number> {
  const { details } = await buildBranch(run, name, buildOptions(words));
  run.report.info("tested", `branch ${name}: ${details.tests.passed} tests passed`, {
    next: `reelhouse branch publish ${name}`,
  });
  if (words.options.json) run.print(`${JSON.stringify({ branch: name, tests: details.tests })}\n`);
  return exitCode.ok;
}
