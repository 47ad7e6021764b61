/** The configuration that a command works with, as the caller names it. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Words } from "./command.ts";
import { contractsBeside } from "./config/contracts.ts";
import { isLocation } from "./config/stores.ts";
import { loadPipeline, type Pipeline } from "./config.ts";
import { usageError } from "./errors.ts";

/** What the caller wrote, from the folder that the caller stands in, on the host; a location as it is. */
export function hostPath(written: string | boolean | undefined, env: NodeJS.ProcessEnv): string | undefined {
  if (typeof written !== "string") return undefined;
  return isLocation(written) ? written : resolve(env.REELHOUSE_FOLDER ?? process.cwd(), written);
}

/** A configuration, and the text that it was read from. */
export interface Configuration {
  /** As the caller knows it. */
  name: string;
  /** Absolute, on the host. */
  hostPath: string;
  text: string;
  pipeline: Pipeline;
}

/** Reads the configuration that `--config` names, relative to the caller's folder. Throws exit 2. */
export function readConfiguration(words: Words, env: NodeJS.ProcessEnv): Configuration {
  const name = String(words.options.config ?? "pipeline.yaml");
  // The wrapper has resolved it already, links and all: it had to mount its folder.
  const hostPath = env.REELHOUSE_CONFIG ?? resolve(env.REELHOUSE_FOLDER ?? process.cwd(), name);
  const hostRoot = env.REELHOUSE_HOST_ROOT ?? "";
  let text: string;
  try {
    text = readFileSync(hostRoot + hostPath, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw usageError(`${hostPath}: cannot be read: ${code}`, "give the configuration with --config FILE");
  }
  const baseFolder = dirname(hostPath);
  const contracts = contractsBeside(hostRoot + baseFolder);
  return {
    name,
    hostPath,
    text,
    pipeline: loadPipeline(text, { file: name, baseFolder, env, contracts }),
  };
}

export const configuredPipeline = (words: Words, env: NodeJS.ProcessEnv): Pipeline =>
  readConfiguration(words, env).pipeline;
