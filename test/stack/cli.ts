/** Programs in containers of the CLI's image, beside the stack: with an environment of the test's choice, or to die. */
import { expect } from "vitest";
import type { KeptOptions } from "./kept-cli.ts";
import type { Outcome, Stack } from "./stack.ts";

interface ContainerOptions {
  /** What is run. */
  program: string;
  env?: Record<string, string>;
  /** Folders of the host by their place in the container, read-only. */
  folders?: Record<string, string>;
  /** The container's name, for who wants to end it. */
  name?: string;
}

/** The words of `compose` that start a container of its own. */
export function containerWords(
  stack: Stack,
  words: string[],
  { env = {}, folders = {}, program, name }: ContainerOptions,
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

/** Commands whose words have no spaces, one after another. */
export async function runEach(
  stack: Stack,
  commands: string[][],
): Promise<Pick<Outcome, "code" | "stderr">[]> {
  const script = `for words in "$@"; do reelhouse $words 2>&1 >/dev/null; printf '\\0%s\\0' "$?"; done`;
  const lines = commands.map((words) => words.join(" "));
  const { stdout } = await stack.cli.run("sh", ["-c", script, "sh", ...lines]);
  const parts = stdout.split("\0");
  return commands.map((_, index) => ({ stderr: parts[2 * index] ?? "", code: Number(parts[2 * index + 1]) }));
}

/** Each command ends with its exit code, and says why. */
export async function expectRefusals(
  stack: Stack,
  refusals: [words: string[], code: number, says: string][],
): Promise<void> {
  const outcomes = await runEach(
    stack,
    refusals.map(([words]) => words),
  );
  const expected = refusals.map(([, code, says]) => ({ code, stderr: expect.stringContaining(says) }));
  expect(outcomes).toEqual(expected);
}

/** The exit code of a process that SIGKILL ended. */
export const killed = 137;

export interface Death {
  moment: "before" | "during";
  /** A pattern for the operation: see kill/kill-at.mjs. */
  at: string;
  laterMs?: number;
}

/** Runs a command, which dies of SIGKILL at one of its outside operations. */
export function dieAt(
  stack: Stack,
  death: Death,
  words: string[],
  { env, ...options }: KeptOptions = {},
): Promise<Outcome> {
  const variables = { NODE_OPTIONS: killer, ...environmentOf(death), ...env };
  return stack.cli.run("reelhouse", words, { ...options, env: variables });
}

/** As `dieAt`, then the same once more, undisturbed; throws when that fails. */
export async function dieAndRunAgain(stack: Stack, death: Death, words: string[]): Promise<Outcome> {
  const script = `NODE_OPTIONS="${killer}" reelhouse "$@"; code=$?; reelhouse "$@" || exit 1; exit $code`;
  const outcome = await stack.cli.run("sh", ["-c", script, "sh", ...words], { env: environmentOf(death) });
  if (outcome.code === 1) throw new Error(outcome.stderr);
  return outcome;
}

const killer = "--import=/kill/kill-at.mjs";
const environmentOf = ({ moment, at, laterMs = 20 }: Death) => ({
  KILL_MOMENT: moment,
  KILL_AT: at,
  KILL_LATER: String(laterMs),
});
