import { join } from "node:path";
import { writeBackup } from "../backup/backup.ts";
import { readErased, requireFinished, withErasedRows } from "../backup/erased.ts";
import { olderThan, removeBackups } from "../backup/keep.ts";
import { placeOf } from "../backup/place.ts";
import { takeObjectsLock } from "../catalog.ts";
import { type Command, commonOptions, secondsOption, type Words } from "../command.ts";
import { exitCode, usageError } from "../errors.ts";
import { byteText } from "../progress.ts";
import { newRunId } from "../session.ts";
import { loadSettings } from "../settings.ts";

export const backup: Command = {
  summary: "copy the database and all objects into a folder, while everything works; again: what is new",
  positionals: "DIR",
  options: {
    keep: {
      type: "string",
      value: "COUNT",
      help: "afterwards, remove all but the newest COUNT backups, and what only they had",
    },
    "drop-erased": {
      type: "boolean",
      help: "afterwards, remove the backups that hold rows which were erased since, and what only they had",
    },
    wait: commonOptions.wait,
    json: commonOptions.json,
  },
  async run(words, { env, print, report, signal }) {
    const settings = loadSettings(env);
    const place = placeOf("backup", words, settings, env);
    const keep = keepOption(words);
    const request = {
      command: "backup",
      runId: newRunId(),
      waitSeconds: secondsOption(words, "wait"),
      signal,
    };
    await using lock = await takeObjectsLock(settings, request);
    const tools = { settings, report, signal: AbortSignal.any([signal, lock.signal]) };
    const erased = await readErased(settings);
    const dropsErased = words.options["drop-erased"] === true;
    if (dropsErased) requireFinished(erased);
    const { manifest, copied } = await writeBackup(tools, place, erased);
    const path = join(place.hostPath, manifest.name);
    const { count, newCount, newBytes } = copied;
    report.info("backed_up", `${path}: ${count} objects, ${newCount} of them new (${byteText(newBytes)})`);
    const older = keep === undefined ? [] : await olderThan(place, keep);
    const withRows = (await withErasedRows(place, erased)).filter((name) => !older.includes(name));
    if (withRows.length > 0 && !dropsErased) report.warn("erased_rows", stillHeld(withRows));
    const goes = dropsErased ? [...older, ...withRows].sort() : older;
    const removed = dropsErased || keep !== undefined ? await removeBackups(place, goes) : undefined;
    if (removed) report.info("removed", `${removed.backups.length} backups, ${removed.objectCount} objects`);
    if (words.options.json) print(`${JSON.stringify({ path, ...manifest, ...copied, removed })}\n`);
    return exitCode.ok;
  },
};

const stillHeld = (backups: string[]) =>
  `${backups.join(", ")}: made before rows were erased, and hold them: --drop-erased removes such backups`;

function keepOption({ options: { keep } }: Words): number | undefined {
  if (keep === undefined) return undefined;
  if (/^[1-9]\d{0,4}$/.test(String(keep))) return Number(keep);
  throw usageError(`--keep: expected a number of backups from 1 on, found '${keep}'`);
}
