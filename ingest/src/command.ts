/** What a command of the CLI is, how its words are parsed, and its `--help`. */
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { usageError } from "./errors.ts";
import type { Report } from "./report.ts";

export interface Option {
  type: "string" | "boolean";
  /** What a value looks like, e.g. SECONDS; strings only. */
  value?: string;
  help: string;
}

/** What every command gets besides its words. */
export interface Context {
  report: Report;
  /** Standard output: results, and nothing else. */
  print(result: string | Uint8Array): void;
  /** Whether standard output ends at a terminal, which can show text alone. */
  isTerminal: boolean;
  env: NodeJS.ProcessEnv;
  /** Aborts on Ctrl-C and SIGTERM. */
  signal: AbortSignal;
}

export interface Words {
  options: Record<string, string | boolean | undefined>;
  positionals: string[];
}

export interface Command {
  /** One line, for the list of commands. */
  summary: string;
  /** The positional words, e.g. `[STATEMENT]`; empty: the command takes none. */
  positionals: string;
  options: Record<string, Option>;
  /** Called once, with words that fit. Returns the exit code; throws a ReelhouseError otherwise. */
  run(words: Words, context: Context): Promise<number>;
}

/** Options that several commands share. */
export const commonOptions = {
  json: { type: "boolean", help: "print JSON, for programs" },
  config: { type: "string", value: "FILE", help: "the pipeline's configuration (default: pipeline.yaml)" },
  wait: { type: "string", value: "SECONDS", help: "wait so long for another run to end (default: 0)" },
  partial: { type: "boolean", help: "publish what arrived even if a source was refused" },
} as const satisfies Record<string, Option>;

/** Throws a usage error (exit 2) that names the faulty word and what is allowed. */
export function parseWords(name: string, command: Command, argv: string[]): Words | "help" {
  const options: ParseArgsOptionsConfig = { help: { type: "boolean", short: "h" } };
  for (const [option, { type }] of Object.entries(command.options)) options[option] = { type };
  try {
    const { values, positionals } = parseArgs({ args: argv, options, allowPositionals: true });
    if (values.help) return "help";
    if (positionals.length > 0 && command.positionals === "") {
      throw new Error(`unexpected word '${positionals[0]}'`);
    }
    return { options: values as Words["options"], positionals };
  } catch (cause) {
    const allowed = Object.keys(command.options).map((option) => `--${option}`);
    const known = allowed.length > 0 ? `options: ${allowed.join(", ")}` : "it takes no options";
    throw usageError(`reelhouse ${name}: ${(cause as Error).message}; ${known}`);
  }
}

/** A number of seconds from the command line, 0 when absent. */
export function secondsOption(words: Words, name: string): number {
  const text = words.options[name] ?? "0";
  if (typeof text !== "string" || !/^\d{1,6}$/.test(text)) {
    throw usageError(`--${name}: expected a whole number of seconds, found '${text}'`);
  }
  return Number(text);
}

/** One of `allowed`; `allowed[0]` when absent. */
export function choiceOption<T extends string>(words: Words, name: string, allowed: readonly [T, ...T[]]): T {
  const text = words.options[name] ?? allowed[0];
  const choice = allowed.find((value) => value === text);
  if (choice === undefined) throw usageError(`--${name}: expected ${allowed.join(", ")}, found '${text}'`);
  return choice;
}

/** What a command does by its first word. */
export type Actions<Result> = Record<string, (words: Words, context: Context) => Promise<Result>>;

/** The action that the first word names, and the words behind it. Throws a usage error (exit 2) for any other word. */
export function actionOf<Result>(command: string, actions: Actions<Result>, words: Words) {
  const [word = "", ...positionals] = words.positionals;
  const action = Object.hasOwn(actions, word) ? actions[word] : undefined;
  if (action === undefined)
    throw usageError(`reelhouse ${command}: expected ${Object.keys(actions).join(", ")}, found '${word}'`);
  return { action, words: { ...words, positionals } };
}

/** The one word that an action is given, if any. Throws a usage error (exit 2) for a second one. */
export function onlyWord(command: string, { positionals: [word, ...more] }: Words): string | undefined {
  if (more.length > 0) throw usageError(`reelhouse ${command}: unexpected word '${more[0]}'`);
  return word;
}

export function commandHelp(name: string, command: Command): string {
  const usage = ["Usage: reelhouse", name, "[OPTIONS]", command.positionals].filter(Boolean).join(" ");
  const rows = Object.entries(command.options).map(([option, { value, help }]) => [
    `--${option}${value ? ` ${value}` : ""}`,
    help,
  ]);
  rows.push(["--help", "show this"]);
  return `${command.summary}\n\n${usage}\n\n${alignedRows(rows)}`;
}

export function alignedRows(rows: string[][]): string {
  const width = Math.max(...rows.map(([left]) => left?.length ?? 0));
  return rows.map(([left = "", right = ""]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}
