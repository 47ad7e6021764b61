/** The folder of backups that a command names. */
import { statSync } from "node:fs";
import type { Words } from "../command.ts";
import { hostPath } from "../configuration.ts";
import { usageError } from "../errors.ts";
import type { Settings } from "../settings.ts";
import type { Place } from "./folder.ts";

/** Throws exit 2 unless the first word is a folder that this process sees, and at most `more` words follow. */
export function placeOf(
  command: string,
  { positionals: [folder, ...others] }: Words,
  { hostRoot }: Settings,
  env: NodeJS.ProcessEnv,
  { more = 0 } = {},
): Place {
  if (folder === undefined || others.length > more)
    throw usageError(`reelhouse ${command}: expected a folder`, `reelhouse ${command} --help`);
  // The wrapper has resolved it already: it had to mount it.
  const path = env.REELHOUSE_BACKUP ?? hostPath(folder, env) ?? folder;
  const found = statSync(hostRoot + path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return { hostPath: path, path: hostRoot + path };
  throw usageError(`${path}: no such folder`, "name the folder of the backups");
}
