import { dirname, join } from "node:path";
import { describeTold, tellSource } from "../add/describe.ts";
import { type AddedSource, planSource } from "../add/source.ts";
import { writeAll } from "../add/write-files.ts";
import { type Command, commonOptions, type Words } from "../command.ts";
import { isLocation } from "../config/stores.ts";
import { hostPath, readConfiguration } from "../configuration.ts";
import { exitCode, usageError } from "../errors.ts";

export const source: Command = {
  summary: "a new source from a file: entry, contract, dbt source and staging model, proposed from a sample",
  positionals: "add FILE",
  options: {
    name: { type: "string", value: "NAME", help: "the source's name (default: made from the file's name)" },
    config: commonOptions.config,
    "dry-run": { type: "boolean", help: "print the files instead of writing them" },
    json: commonOptions.json,
  },
  async run(words, { print, env }) {
    const { config, json } = words.options;
    const added = await planSource(requestOf(words, env));
    const told = tellSource(added, typeof config === "string" ? config : undefined);
    if (words.options["dry-run"]) {
      print(json ? `${JSON.stringify({ ...told, written: [], files: filesOf(added) })}\n` : textsOf(added));
      return exitCode.ok;
    }
    writeAll(added.files);
    print(
      json
        ? `${JSON.stringify({ ...told, files: filesOf(added) })}\n`
        : describeTold(told, added.columns.length),
    );
    return exitCode.ok;
  },
};

function requestOf(words: Words, env: NodeJS.ProcessEnv): Parameters<typeof planSource>[0] {
  const [action, file, ...more] = words.positionals;
  if (action !== "add" || file === undefined || more.length > 0)
    throw usageError("reelhouse source: expected 'add FILE'", "reelhouse source add FILE --name NAME");
  if (isLocation(file))
    throw usageError(
      `${file}: expected a local file; nothing was written`,
      "add the source with a local copy of one delivery, then write the location as its path in pipeline.yaml",
    );
  const { name } = words.options;
  const hostRoot = env.REELHOUSE_HOST_ROOT ?? "";
  const configuration = readConfiguration(words, env);
  // The wrapper has resolved both, as it had to mount their folders.
  const path = env.REELHOUSE_FILE ?? hostPath(file, env) ?? file;
  return {
    file: { hostPath: path, path: hostRoot + path },
    name: typeof name === "string" ? name : undefined,
    configuration,
    dbtProject: env.REELHOUSE_DBT_PROJECT ?? join(dirname(configuration.hostPath), "dbt_project"),
    hostRoot,
    env,
  };
}

const filesOf = ({ files }: AddedSource) => files.map(({ hostPath, text }) => ({ path: hostPath, text }));

const textsOf = ({ files }: AddedSource) =>
  files.map(({ hostPath, text }) => `--- ${hostPath}\n${text}`).join("\n");
