/** Programs in a container of the CLI's image, beside the stack: with an environment of the test's choice, or to die. */
import { join } from "node:path";
import { type Outcome, projectFolder, type Stack } from "./stack.ts";

interface ContainerOptions {
  env?: Record<string, string>;
  /** Folders of the host by their place in the container, read-only. */
  folders?: Record<string, string>;
  /** What is run (default: reelhouse). */
  program?: string;
  /** The container's name, for who wants to end it. */
  name?: string;
  onStderr?: (text: string) => void;
}

export function runInContainer(
  stack: Stack,
  words: string[],
  { onStderr, ...options }: ContainerOptions = {},
): Promise<Outcome> {
  return stack.compose(containerWords(stack, words, options), onStderr ? { onStderr } : {});
}

/** The words of `compose` that start the container. */
export function containerWords(
  stack: Stack,
  words: string[],
  { env = {}, folders = {}, program = "reelhouse", name }: ContainerOptions,
): string[] {
  const variables = { REELHOUSE_HOST_ROOT: "/host", REELHOUSE_FOLDER: stack.folder, ...env };
  const mounted = { [`/host${stack.folder}`]: stack.folder, ...folders };
  return [
    ...["run", "--rm", "--no-deps", "-T", "--entrypoint", program],
    ...(name === undefined ? [] : ["--name", name]),
    ...Object.entries(mounted).flatMap(([place, folder]) => ["--volume", `${folder}:${place}:ro`]),
    ...Object.entries(variables).flatMap(([variable, value]) => ["--env", `${variable}=${value}`]),
    ...["cli", ...words],
  ];
}

/** Commands whose words have no spaces, one after another in one container: its start takes longer than most of them. */
export async function runEach(
  stack: Stack,
  commands: string[][],
): Promise<Pick<Outcome, "code" | "stderr">[]> {
  const script = `for words in "$@"; do reelhouse $words 2>&1 >/dev/null; printf '\\0%s\\0' "$?"; done`;
  const lines = commands.map((words) => words.join(" "));
  const { stdout } = await runInContainer(stack, ["-c", script, "sh", ...lines], { program: "sh" });
  const parts = stdout.split("\0");
  return commands.map((_, index) => ({ stderr: parts[2 * index] ?? "", code: Number(parts[2 * index + 1]) }));
}

/** The exit code of a process that SIGKILL ended. */
export const killed = 137;

export interface Death {
  moment: "before" | "during";
  /** A pattern for the operation: see kill/kill-at.mjs. */
  at: string;
  laterMs?: number;
}

/** Runs a command in a container of its own, which dies of SIGKILL at one of its outside operations. */
export function dieAt(
  stack: Stack,
  death: Death,
  words: string[],
  options: ContainerOptions = {},
): Promise<Outcome> {
  const env = { NODE_OPTIONS: killer, ...environmentOf(death), ...options.env };
  return runInContainer(stack, words, { ...options, env, folders: { ...killers, ...options.folders } });
}

/** As `dieAt`, then the same once more, undisturbed, in the same container; throws when that fails. */
export async function dieAndRunAgain(stack: Stack, death: Death, words: string[]): Promise<Outcome> {
  const script = `NODE_OPTIONS="${killer}" reelhouse "$@"; code=$?; reelhouse "$@" || exit 1; exit $code`;
  const outcome = await runInContainer(stack, ["-c", script, "sh", ...words], {
    program: "sh",
    env: environmentOf(death),
    folders: killers,
  });
  if (outcome.code === 1) throw new Error(outcome.stderr);
  return outcome;
}

const killer = "--import=/kill/kill-at.mjs";
const killers = { "/kill": join(projectFolder, "test/stack/kill") };
const environmentOf = ({ moment, at, laterMs = 20 }: Death) => ({
  KILL_MOMENT: moment,
  KILL_AT: at,
  KILL_LATER: String(laterMs),
});
