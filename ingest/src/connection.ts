/** A connection to PostgreSQL that ends when the other side is gone: node-pg would wait for it forever. */
import { Socket } from "node:net";
import pg from "pg";
import { exitCode, ReelhouseError, serviceError } from "./errors.ts";
import type { Settings } from "./settings.ts";
import { excerpt } from "./sql.ts";

export interface Database {
  /** Runs one statement. Throws a service error when the connection is gone, exit 1 with PostgreSQL's hint otherwise. */
  // biome-ignore lint/suspicious/noExplicitAny: a row is whatever the statement selects
  query(sql: string, values?: unknown[]): Promise<{ rows: any[] }>;
  end(): Promise<void>;
}

export type Role = "ledger" | "publisher" | "backup";

// bigint columns: counts and load orders stay below 2^53, and a number is what every caller wants.
pg.types.setTypeParser(20, Number);

/**
 * An idle connection that nobody answers on is given up after 20 s here, and after 60 s by the server, which then frees
 * the locks of it: in this order, so that a run knows that it has lost its lock before another one has it.
 */
const keepAliveAfterMs = 10_000;
const serverKeepAlive = { idle: 30, interval: 10, count: 3 };
const connectMs = 10_000;
/** A server that is there closes a connection at once. */
const goodbyeMs = 2000;

export class Connection implements Database {
  readonly #client: pg.Client;
  readonly #socket: Socket;
  readonly #silenceMs: number;
  /** Why the connection is of no use any more. */
  #fault: Error | undefined;
  #isEnding = false;

  private constructor(client: pg.Client, socket: Socket, silenceMs: number) {
    this.#client = client;
    this.#socket = socket;
    this.#silenceMs = silenceMs;
    // A connection that breaks while idle must not end the process: the next query on it reports the fault.
    client.on("error", (fault) => {
      this.#fault ??= fault;
    });
  }

  /** Throws a service error when there is no server, or none that lets `role` in. */
  static async open(
    { catalog, silenceMs }: Settings,
    role: Role,
    applicationName: string,
  ): Promise<Connection> {
    const socket = new Socket();
    const client = new pg.Client({
      host: catalog.host,
      database: "lakehouse",
      user: role,
      password: catalog[`${role}Password`],
      application_name: applicationName,
      options: Object.entries(serverKeepAlive)
        .map(([name, value]) => `-c tcp_keepalives_${name}=${value}`)
        .join(" "),
      stream: () => socket,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveAfterMs,
    });
    try {
      await within(Math.min(silenceMs, connectMs), socket, () => client.connect());
    } catch (cause) {
      throw serviceError("catalog", `connect as ${role}`, cause);
    }
    return new Connection(client, socket, silenceMs);
  }

  /** As `Database.query`; `moreMs`: how much longer than others the statement may take. */
  async query(sql: string, values?: unknown[], { moreMs = 0 } = {}): ReturnType<Database["query"]> {
    try {
      return await within(this.#silenceMs + moreMs, this.#socket, () => this.#client.query(sql, values));
    } catch (cause) {
      throw explained(sql, this.#fault ?? (cause as Error));
    }
  }

  /** Calls back once when the connection ends without `end()`. */
  onLost(tell: (cause: Error) => void): void {
    this.#client.once("end", () => {
      if (!this.#isEnding) tell(this.#fault ?? new Error("connection lost"));
    });
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    const timer = setTimeout(() => this.#socket.destroy(), goodbyeMs);
    await this.#client.end();
    clearTimeout(timer);
  }
}

/** Ends the connection when `work` takes longer: whoever waits for an answer on it hears why. */
async function within<T>(timeoutMs: number, socket: Socket, work: () => Promise<T>): Promise<T> {
  const silence = new Error(`no answer within ${timeoutMs / 1000} s`);
  const timer = setTimeout(() => socket.destroy(silence), timeoutMs);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}

/** What PostgreSQL refuses on purpose says so itself (P0001, 40001: raised by our functions); the rest is a defect. */
function explained(sql: string, cause: Error & { code?: string; hint?: string }): unknown {
  const connectionLost = cause.code === undefined || /^(08|53|57P|58|E[A-Z]+$)/.test(cause.code);
  if (connectionLost) return serviceError("catalog", `query "${excerpt(sql, 60)}"`, cause);
  if (cause.code !== "P0001" && cause.code !== "40001") return cause;
  return new ReelhouseError(cause.message, exitCode.failed, {
    ...(cause.hint ? { next: cause.hint } : {}),
    cause,
  });
}
