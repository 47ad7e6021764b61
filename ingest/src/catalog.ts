/** The catalog, which is PostgreSQL, and the lock that lets one run work at a time. */
import { Connection, type Database, type Role } from "./connection.ts";
import { exitCode, ReelhouseError, serviceError } from "./errors.ts";
import type { Settings } from "./settings.ts";

export type { Database } from "./connection.ts";

/** A connection of `role`; close it with `end()`. Throws a service error when the catalog does not answer. */
export function connectCatalog(settings: Settings, role: Role): Promise<Database> {
  return Connection.open(settings, role, "reelhouse");
}

/** Advisory locks of PostgreSQL. `name`: what its holder is, for whoever does not get it. */
const locks = {
  run: { key: 7236, name: "run" },
  objects: { key: 7237, name: "backup or maintenance" },
} as const;
type Lock = (typeof locks)[keyof typeof locks];

export interface RunLock extends AsyncDisposable {
  /** Aborts when the lock is lost because its connection broke. */
  signal: AbortSignal;
}

interface LockRequest {
  command: string;
  runId: string;
  waitSeconds: number;
  signal: AbortSignal;
}

/** Takes the run lock: one command at a time changes the lakehouse. */
export const takeRunLock = (settings: Settings, request: LockRequest) =>
  takeLock(settings, locks.run, request);

/**
 * Takes the lock of the objects: while a backup copies what it has seen in the catalog, nobody collects objects. Whoever
 * holds the run lock as well took that one first.
 */
export const takeObjectsLock = (settings: Settings, request: LockRequest) =>
  takeLock(settings, locks.objects, request);

/**
 * Takes a lock, waiting at most `waitSeconds`. It belongs to a PostgreSQL session, so a holder that dies frees it,
 * however it dies. Throws exit 6 naming the holder.
 */
async function takeLock(
  settings: Settings,
  lock: Lock,
  { command, runId, waitSeconds, signal }: LockRequest,
): Promise<RunLock> {
  const connection = await Connection.open(settings, "ledger", `reelhouse ${command} ${runId}`);
  if (!(await lockWithin(connection, lock, waitSeconds, signal))) {
    const message = await describeHolder(connection, lock);
    await connection.end();
    throw new ReelhouseError(message, exitCode.busy, { next: "wait for it to end, or give --wait SECONDS" });
  }
  const lost = new AbortController();
  connection.onLost((cause) => lost.abort(serviceError("catalog", `hold the ${lock.name} lock`, cause)));
  return { signal: lost.signal, [Symbol.asyncDispose]: () => connection.end() };
}

async function lockWithin(
  connection: Connection,
  { key }: Lock,
  waitSeconds: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (waitSeconds === 0) {
    const { rows } = await connection.query("select pg_try_advisory_lock($1) as taken", [key]);
    return rows[0].taken;
  }
  await connection.query("select set_config('lock_timeout', $1, false)", [`${waitSeconds}s`]);
  // Ctrl-C ends the waiting by ending the connection.
  const giveUp = () => void connection.end();
  signal.addEventListener("abort", giveUp);
  try {
    await connection.query("select pg_advisory_lock($1)", [key], { moreMs: waitSeconds * 1000 });
    return true;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const lockNotAvailable = "55P03";
    if ((error as { code?: string }).code === lockNotAvailable) return false;
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

async function describeHolder(connection: Connection, { key, name }: Lock): Promise<string> {
  const { rows } = await connection.query(
    `select application_name, to_char(backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as since
     from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and objid = $1 and granted`,
    [key],
  );
  const holder = rows[0];
  return holder
    ? `another ${name} is active: ${holder.application_name}, since ${holder.since} UTC`
    : `another ${name} was active and has just ended`;
}
