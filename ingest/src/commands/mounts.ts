import { type Command, commonOptions } from "../command.ts";
import { mountsOf } from "../config.ts";
import { configuredPipeline } from "../configuration.ts";
import { exitCode } from "../errors.ts";

export const mounts: Command = {
  summary: "the folders of the host that a configuration needs: 'ro PATH' or 'rw PATH' per line",
  positionals: "",
  options: { config: commonOptions.config },
  async run(words, { print, env }) {
    for (const { mode, path } of mountsOf(configuredPipeline(words, env))) print(`${mode} ${path}\n`);
    return exitCode.ok;
  },
};
