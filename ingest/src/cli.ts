/** argv -> command -> exit code. */
import { alignedRows, type Command, commandHelp, parseWords } from "./command.ts";
import { commands } from "./commands/index.ts";
import { exitCode, ReelhouseError, usageError } from "./errors.ts";
import { createReport } from "./report.ts";

const report = createReport(process.stderr, process.env);

async function main([name, ...argv]: string[]): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(await overview());
    return name === undefined ? exitCode.usage : exitCode.ok;
  }
  if (!Object.hasOwn(commands, name))
    throw usageError(`unknown command '${name}'; commands: ${Object.keys(commands).join(", ")}`);
  const command: Command = await commands[name as keyof typeof commands]();
  const words = parseWords(name, command, argv);
  if (words === "help") {
    process.stdout.write(commandHelp(name, command));
    return exitCode.ok;
  }
  // A container's output is a pipe; the wrapper says what is at its other end.
  const isTerminal = process.stdout.isTTY || process.env.REELHOUSE_RESULT_TERMINAL !== undefined;
  const context = { report, print, isTerminal, env: process.env, signal: interruptSignal() };
  return command.run(words, context);
}

async function overview(): Promise<string> {
  const rows = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => [name, (await load()).summary]),
  );
  return `Provider files in, governed Iceberg tables out.\n\nUsage: reelhouse COMMAND [OPTIONS]\n\n${alignedRows(rows)}
Each command has a --help. Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 input refused,
4 tests failed (nothing published), 5 a service is down, 6 another run is active, 130 interrupted.\n`;
}

function print(result: string | Uint8Array): void {
  process.stdout.write(result);
}

/** The first Ctrl-C stops the work at its next safe point; the second one ends the process. */
function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      controller.abort(new ReelhouseError("interrupted", exitCode.interrupted));
      process.once(signal, () => process.exit(exitCode.interrupted));
    });
  }
  return controller.signal;
}

/** A mistake of the user's or a service's is told in a few lines; a defect of ours shows its stack. */
function explain(error: unknown): number {
  if (!(error instanceof ReelhouseError)) {
    report.error("defect", error instanceof Error ? (error.stack ?? error.message) : String(error));
    return exitCode.failed;
  }
  report.error("failed", error.message, error.next ? { next: error.next } : {});
  return error.exitCode;
}

// A closed pipe (`| head`) is how a reader says that it has enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.exitCode = await main(process.argv.slice(2)).catch(explain);
