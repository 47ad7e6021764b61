/** Connections to PostgreSQL, and the lock that lets one run work at a time. */
import pg from "pg";
import { exitCode, ReelhouseError, serviceError } from "./errors.ts";
import type { Settings } from "./settings.ts";

export interface Database {
  /** Runs one statement. Throws a service error when the connection is gone, exit 1 with PostgreSQL's hint otherwise. */
  // biome-ignore lint/suspicious/noExplicitAny: a row is whatever the statement selects
  query(sql: string, values?: unknown[]): Promise<{ rows: any[] }>;
  end(): Promise<void>;
}

// bigint columns: counts and load orders stay below 2^53, and a number is what every caller wants.
pg.types.setTypeParser(20, Number);

/** A connection of `role`; close it with `end()`. Throws a service error when the catalog does not answer. */
export async function connectCatalog(settings: Settings, role: "ledger" | "publisher"): Promise<Database> {
  const client = await connect(settings, role, "reelhouse");
  return {
    query: (sql, values) => client.query(sql, values).catch((cause) => Promise.reject(explained(cause))),
    end: () => client.end(),
  };
}

/** What PostgreSQL refuses on purpose says so itself (P0001, 40001: raised by our functions); the rest is a defect. */
function explained(cause: { code?: string; message: string; hint?: string }): unknown {
  const connectionLost = cause.code === undefined || /^(08|53|57P|58|E[A-Z]+$)/.test(cause.code);
  if (connectionLost) return serviceError("catalog", "query", cause);
  if (cause.code !== "P0001" && cause.code !== "40001") return cause;
  return new ReelhouseError(cause.message, exitCode.failed, {
    ...(cause.hint ? { next: cause.hint } : {}),
    cause,
  });
}

async function connect(
  settings: Settings,
  role: "ledger" | "publisher",
  applicationName: string,
): Promise<pg.Client> {
  const client = new pg.Client({
    host: settings.catalog.host,
    database: "lakehouse",
    user: role,
    password: role === "ledger" ? settings.catalog.ledgerPassword : settings.catalog.publisherPassword,
    application_name: applicationName,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  try {
    await client.connect();
  } catch (cause) {
    throw serviceError("catalog", `connect as ${role}`, cause);
  }
  // A connection that breaks while idle must not end the process: the next query on it reports the fault.
  client.on("error", () => undefined);
  return client;
}

const runLockKey = 7236;

export interface RunLock extends AsyncDisposable {
  /** Aborts when the lock is lost because its connection broke. */
  signal: AbortSignal;
}

/**
 * Takes the run lock, waiting at most `waitSeconds`. It belongs to a PostgreSQL session, so a holder that dies
 * frees it, however it dies. Throws exit 6 naming the holder.
 */
export async function takeRunLock(
  settings: Settings,
  {
    command,
    runId,
    waitSeconds,
    signal,
  }: { command: string; runId: string; waitSeconds: number; signal: AbortSignal },
): Promise<RunLock> {
  const holder = `reelhouse ${command} ${runId}`;
  const client = await connect(settings, "ledger", holder);
  const lost = new AbortController();
  if (!(await lockWithin(client, waitSeconds, signal))) {
    const message = await describeHolder(client);
    await client.end();
    throw new ReelhouseError(message, exitCode.busy, { next: "wait for it to end, or give --wait SECONDS" });
  }
  client.on("end", () =>
    lost.abort(serviceError("catalog", "hold the run lock", new Error("connection lost"))),
  );
  return {
    signal: lost.signal,
    [Symbol.asyncDispose]: async () => {
      client.removeAllListeners("end");
      await client.end().catch(() => undefined);
    },
  };
}

async function lockWithin(client: pg.Client, waitSeconds: number, signal: AbortSignal): Promise<boolean> {
  if (waitSeconds === 0) {
    const { rows } = await client.query("select pg_try_advisory_lock($1) as taken", [runLockKey]);
    return rows[0].taken;
  }
  await client.query("select set_config('lock_timeout', $1, false)", [`${waitSeconds}s`]);
  // Ctrl-C ends the waiting by ending the connection.
  const giveUp = () => void client.end();
  signal.addEventListener("abort", giveUp);
  try {
    await client.query("select pg_advisory_lock($1)", [runLockKey]);
    return true;
  } catch (error) {
    const lockNotAvailable = "55P03";
    if ((error as { code?: string }).code === lockNotAvailable) return false;
    throw signal.aborted ? signal.reason : explained(error as Error);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

async function describeHolder(client: pg.Client): Promise<string> {
  const { rows } = await client.query(
    `select application_name, to_char(backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as since
     from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and objid = $1 and granted`,
    [runLockKey],
  );
  const holder = rows[0];
  return holder
    ? `another run is active: ${holder.application_name}, since ${holder.since} UTC`
    : "another run was active and has just ended";
}
