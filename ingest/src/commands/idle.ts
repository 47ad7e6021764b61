import { takeObjectsLock, takeRunLock } from "../catalog.ts";
import { type Command, commonOptions, secondsOption } from "../command.ts";
import { exitCode } from "../errors.ts";
import { newRunId } from "../session.ts";
import { loadSettings } from "../settings.ts";

export const idle: Command = {
  summary: "end with 0 if nothing changes or copies the lakehouse, with 6 otherwise",
  positionals: "",
  options: { wait: commonOptions.wait },
  async run(words, { env, signal }) {
    const settings = loadSettings(env);
    const waitSeconds = secondsOption(words, "wait");
    const request = { command: "idle", runId: newRunId(), waitSeconds, signal };
    await using _run = await takeRunLock(settings, request);
    await using _objects = await takeObjectsLock(settings, request);
    return exitCode.ok;
  },
};
