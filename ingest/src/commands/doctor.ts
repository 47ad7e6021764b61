import { type Diagnosis, diagnose } from "../checks.ts";
import { alignedRows, type Command, commonOptions } from "../command.ts";
import { exitCode } from "../errors.ts";
import { loadSettings } from "../settings.ts";

export const doctor: Command = {
  summary: "check each part of the stack, and name the failing one and the next step",
  positionals: "",
  options: { json: commonOptions.json, quiet: { type: "boolean", help: "print only what fails" } },
  async run(words, { print, env }) {
    const results = await diagnose(loadSettings(env));
    const failed = results.filter(({ fault }) => fault !== null);
    const shown = words.options.quiet ? failed : results;
    if (words.options.json) print(`${JSON.stringify(shown)}\n`);
    else print(alignedRows(shown.map((result) => [result.part, describe(result)])));
    return failed.length > 0 ? exitCode.serviceDown : exitCode.ok;
  },
};

const describe = ({ fault, next }: Diagnosis) =>
  fault === null ? "ok" : `FAILED: ${fault}\n    next: ${next}`;
