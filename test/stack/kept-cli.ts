/** A container of the CLI that stays: a command in it starts in a third of the time that one of its own takes. */
import { join } from "node:path";
import type { CommandOptions, Outcome, Stack } from "./stack.ts";

export interface KeptCli {
  /** Any program of the image; `env`: of the program. */
  run(program: string, words: string[], options?: KeptOptions): Promise<Outcome>;
  /** It may be gone already, with its stack. The next command starts another one. */
  remove(): Promise<void>;
}

export type KeptOptions = Pick<CommandOptions, "env" | "onStderr">;

/** It sees the stack's folder and, in /kill, what ends a command at an operation. */
export function keptCli(
  { folder, compose, run }: Pick<Stack, "folder" | "compose" | "run">,
  projectFolder: string,
): KeptCli {
  let started: Promise<string> | undefined;
  const start = async () => {
    const volumes = [`${folder}:/host${folder}:ro`, `${join(projectFolder, "test/stack/kill")}:/kill:ro`];
    const { code, stdout, stderr } = await compose([
      ...["run", "--detach", "--rm", "--no-deps", "--entrypoint", "sleep"],
      ...volumes.flatMap((volume) => ["--volume", volume]),
      ...["--env", "REELHOUSE_HOST_ROOT=/host", "--env", `REELHOUSE_FOLDER=${folder}`],
      ...["cli", "infinity"],
    ]);
    if (code !== 0) throw new Error(`start the CLI's container: ${stderr}`);
    return stdout.trim();
  };
  return {
    async run(program, words, { env = {}, ...options } = {}) {
      started ??= start();
      const container = await started;
      const variables = Object.entries(env).flatMap(([variable, value]) => ["--env", `${variable}=${value}`]);
      return run("docker", ["exec", ...variables, container, program, ...words], options);
    },
    async remove() {
      if (started === undefined) return;
      const container = await started;
      started = undefined;
      await run("docker", ["rm", "--force", container]);
    },
  };
}
