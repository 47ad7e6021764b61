/** What the process says to its caller; the meanings are those of the CLI's documentation. */
export const exitCode = Object.freeze({
  ok: 0,
  failed: 1,
  usage: 2,
  inputRefused: 3,
  testsFailed: 4,
  serviceDown: 5,
  busy: 6,
  interrupted: 130,
} as const);

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** An error that a user can act on: the CLI prints `message`, then `next`, and no stack. */
export class ReelhouseError extends Error {
  readonly exitCode: ExitCode;
  /** What the user can do about it. */
  readonly next: string | undefined;

  constructor(message: string, code: ExitCode, details: { next?: string | undefined; cause?: unknown } = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.name = "ReelhouseError";
    this.exitCode = code;
    this.next = details.next;
  }
}

/** The command line or the configuration is wrong: exit 2. */
export function usageError(message: string, next?: string): ReelhouseError {
  return new ReelhouseError(message, exitCode.usage, { next });
}

/** Whether a file was refused or held back, and others may go on. */
export const isRefusal = (error: unknown): error is ReelhouseError =>
  error instanceof ReelhouseError && error.exitCode === exitCode.inputRefused;

export interface InputFault {
  /** As the user knows it: the host's path. */
  file: string;
  /** 1-based physical line. */
  line?: number | undefined;
  expected?: string;
  next?: string;
  cause?: unknown;
}

/** A source file is refused as a whole: exit 3. Message: `file:line: message: expected ...`. */
export function inputError(
  message: string,
  { file, line, expected, ...details }: InputFault,
): ReelhouseError {
  const place = line === undefined ? file : `${file}:${line}`;
  const wanted = expected === undefined ? "" : `: expected ${expected}`;
  return new ReelhouseError(`${place}: ${message}${wanted}`, exitCode.inputRefused, details);
}

/** A service did not answer: exit 5. `operation` names what was asked of it. */
export function serviceError(service: string, operation: string, cause: unknown): ReelhouseError {
  const answer = cause instanceof Error ? cause.message : String(cause);
  const next = `see what it says: docker compose logs ${service}`;
  const message = `${service}: ${operation}: ${answer}`;
  return new ReelhouseError(message, exitCode.serviceDown, { next, cause });
}

/** The disk of the object store has no room left: exit 5. `operation` names the service that met it, and what for. */
export function storeFullError(operation: string, cause: unknown): ReelhouseError {
  const answer = cause instanceof Error ? cause.message : String(cause);
  return new ReelhouseError(
    `${operation}: the object store's disk is full: ${answer}`,
    exitCode.serviceDown,
    {
      next: "make room on the disk that holds the volume 'store' (docker system df), then run again",
      cause,
    },
  );
}
