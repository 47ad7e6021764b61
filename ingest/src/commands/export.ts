import { type Command, commonOptions } from "../command.ts";
import { exitCode, usageError } from "../errors.ts";
import { exportLayers } from "../export.ts";
import { configuredPipeline } from "../session.ts";
import { loadSettings } from "../settings.ts";

export const exportCommand: Command = {
  summary: "write the published tables as CSV files into the folders of 'output'",
  positionals: "",
  options: { config: commonOptions.config, json: commonOptions.json },
  async run(words, context) {
    const { output } = configuredPipeline(words, context.env);
    if (Object.keys(output).length === 0) {
      throw usageError(
        "the configuration names no folder",
        "add 'output' with bronze, silver or gold and a folder",
      );
    }
    const files = await exportLayers(output, { ...context, settings: loadSettings(context.env) });
    if (words.options.json) context.print(`${JSON.stringify({ files })}\n`);
    return exitCode.ok;
  },
};
