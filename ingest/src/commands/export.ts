import { type Command, choiceOption, commonOptions } from "../command.ts";
import { refuseSharedFolders } from "../config.ts";
import { configuredPipeline } from "../configuration.ts";
import { exitCode, usageError } from "../errors.ts";
import { exportLayers } from "../export.ts";
import { exportFormatNames } from "../results/formats.ts";
import { loadSettings } from "../settings.ts";

export const exportCommand: Command = {
  summary: "write the published tables as files into the folders of 'output'",
  positionals: "",
  options: {
    config: commonOptions.config,
    format: {
      type: "string",
      value: "FORMAT",
      help: "csv, arrow or parquet (default: 'format' of 'output', else csv)",
    },
    json: commonOptions.json,
  },
  async run(words, context) {
    const pipeline = configuredPipeline(words, context.env);
    const { output, exportFormat } = pipeline;
    const options = { format: exportFormat, ...words.options };
    const format = choiceOption({ ...words, options }, "format", exportFormatNames);
    if (Object.keys(output).length === 0) {
      throw usageError(
        "the configuration names no folder",
        "add 'output' with bronze, silver or gold and a folder",
      );
    }
    const settings = loadSettings(context.env);
    await refuseSharedFolders(pipeline, settings.hostRoot);
    const files = await exportLayers({ output, format }, { ...context, settings });
    if (words.options.json) context.print(`${JSON.stringify({ files })}\n`);
    return exitCode.ok;
  },
};
