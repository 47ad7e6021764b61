import { join } from "node:path";
import { dumpedText } from "../backup/dump.ts";
import { erasedSince } from "../backup/erased.ts";
import { catalogFile, openBackup } from "../backup/folder.ts";
import { placeOf } from "../backup/place.ts";
import { restoreObjects } from "../backup/restore.ts";
import { takeRunLock } from "../catalog.ts";
import type { Command } from "../command.ts";
import { exitCode } from "../errors.ts";
import { newRunId } from "../session.ts";
import { loadSettings } from "../settings.ts";

/**
 * The wrapper hands what this prints, the rows of the database, to the catalog's own container: no login that a command
 * has may write them.
 */
export const restore: Command = {
  summary: "put a backup back into an empty lakehouse",
  positionals: "DIR [BACKUP]   (default: the newest)",
  options: {},
  async run(words, { env, print, report, signal }) {
    const settings = loadSettings(env);
    const place = placeOf("restore", words, settings, env, { more: 1 });
    const backup = await openBackup(place, words.positionals[1]);
    const request = { command: "restore", runId: newRunId(), waitSeconds: 0, signal };
    await using lock = await takeRunLock(settings, request);
    const tools = { settings, report, signal: AbortSignal.any([signal, lock.signal]) };
    await restoreObjects(tools, place, backup);
    report.info("restoring", `${join(place.hostPath, backup.name)}: the database`);
    const erasedAt = await erasedSince(place, backup.name);
    if (erasedAt !== undefined)
      report.warn(
        "erased_rows",
        `this backup does not know the erasure of ${erasedAt}: what that took away is back; erase it again`,
      );
    for await (const text of dumpedText(join(backup.folder, catalogFile))) print(text);
    return exitCode.ok;
  },
};
