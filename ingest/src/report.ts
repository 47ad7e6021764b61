/**
 * What a run says while it works: lines and a progress line on a terminal, one JSON object per line otherwise.
 * Both go to standard error, so that standard output holds results alone.
 */
export interface Report {
  /** Something happened that a user wants to see. `event` is stable; `message` is for people. */
  info(event: string, message: string, fields?: Record<string, unknown>): void;
  warn(event: string, message: string, fields?: Record<string, unknown>): void;
  /** Why a command failed; `fields.next` says what to do. */
  error(event: string, message: string, fields?: { next?: string }): void;
  /** What is being done now: replaces the last progress line on a terminal; elsewhere a line from time to time. */
  progress(message: string, fields?: Record<string, unknown>): void;
}

type Output = { isTTY?: boolean; write(text: string): unknown };

/** `REELHOUSE_TERMINAL` says that a terminal is at the other end, though a container's output is a pipe. */
export function createReport(output: Output, env: NodeJS.ProcessEnv): Report {
  return output.isTTY || env.REELHOUSE_TERMINAL ? terminalReport(output) : jsonReport(output);
}

function terminalReport(output: Output): Report {
  const clear = "\r\u001b[K";
  const line = (mark: string, message: string) => output.write(`${clear}${mark}${message}\n`);
  return {
    info: (_event, message) => line("", message),
    warn: (_event, message) => line("warning: ", message),
    error: (_event, message, fields) =>
      line("reelhouse: ", fields?.next ? `${message}\n  next: ${fields.next}` : message),
    progress: (message) => output.write(`${clear}${message}`),
  };
}

/** Often enough to see that a run is alive, and seldom enough to keep the log readable. */
const leastProgressMs = 10_000;

function jsonReport(output: Output): Report {
  // Short work is done before anyone asks how far it is.
  let progressMs = performance.now();
  const write = (level: string, event: string, message: string, fields = {}) => {
    const record = { time: new Date().toISOString(), level, event, message, ...fields };
    output.write(
      `${JSON.stringify(record, (_key, value) => (typeof value === "bigint" ? Number(value) : value))}\n`,
    );
  };
  return {
    info: (event, message, fields) => write("info", event, message, fields),
    warn: (event, message, fields) => write("warn", event, message, fields),
    error: (event, message, fields) => write("error", event, message, fields),
    progress: (message, fields) => {
      if (performance.now() - progressMs < leastProgressMs) return;
      progressMs = performance.now();
      write("info", "progress", message, fields);
    },
  };
}
