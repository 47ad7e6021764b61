import { type Command, commonOptions } from "../command.ts";
import { hostPath } from "../configuration.ts";
import { exitCode, usageError } from "../errors.ts";
import { connectBucket } from "../objects/bucket.ts";
import { landingLogin } from "../objects/delivered.ts";
import { landFiles } from "../objects/land.ts";
import { loadSettings } from "../settings.ts";

export const land: Command = {
  summary: "put files into the bucket landing, for sources whose path is s3://landing/...",
  positionals: "FILE...",
  options: {
    to: { type: "string", value: "FOLDER", help: "the bucket's folder (default: none, its own)" },
    json: commonOptions.json,
  },
  async run({ options, positionals }, { print, env, report, signal }) {
    if (positionals.length === 0)
      throw usageError("reelhouse land: expected a file", "reelhouse land FILE... --to FOLDER");
    const settings = loadSettings(env);
    const files = positionals.map((file) => {
      const path = hostPath(file, env) ?? file;
      return { hostPath: path, path: settings.hostRoot + path };
    });
    const bucket = connectBucket(landingLogin(settings, settings.store.landing), settings.silenceMs);
    const landed = await landFiles(files, String(options.to ?? ""), { bucket, report, signal });
    if (options.json) print(`${JSON.stringify({ landed })}\n`);
    return exitCode.ok;
  },
};
