/**
 * SQL through Trino. Wraps trino-client, which on its own reports a failed statement as a value, has no deadline,
 * leaves an abandoned query running, follows any `nextUri`, rounds integers above 2^53 and times to milliseconds.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxiosStatic } from "axios";
import { BasicAuth, type QueryResult, Trino } from "trino-client";
import { exitCode, ReelhouseError, serviceError, storeFullError } from "./errors.ts";
import { parseExactly } from "./json.ts";
import type { Settings, TrinoUser } from "./settings.ts";
import { excerpt } from "./sql.ts";

/** A cell as Trino sends it; integers that a double cannot hold are bigint. */
export type Cell = string | number | bigint | boolean | null | Cell[] | { [key: string]: Cell };
export interface Table {
  columns: { name: string; type: string }[];
  rows: Cell[][];
}

export interface TrinoSession {
  /** Runs one statement to its end. Throws an error that names the statement when Trino refuses or fails it. */
  query(sql: string): Promise<Table>;
  /** As `query`, page by page: the first page with columns has them, memory holds one page. */
  pages(sql: string): AsyncGenerator<Table>;
}

// trino-client is CommonJS: an ESM import of axios would be another copy, with other defaults.
const axios = createRequire(import.meta.url)("axios") as AxiosStatic;

const statementTimeoutMs = 15 * 60_000;
/** axios' name for it. */
const timedOut = "ECONNABORTED";

/** Trino's own limit is for people, who may not set another one. */
const longExecution = { query_max_execution_time: "15m" };

/** How the statements of a run are marked in Trino; a person's are not. */
export const runSource = "reelhouse";

/** A session of `user`; statements without a catalog mean `catalog`. `signal` cancels what is running. */
export function connectTrino(
  settings: Settings,
  user: TrinoUser,
  { catalog, signal, source = runSource }: { catalog: string; signal?: AbortSignal; source?: string },
): TrinoSession {
  useExactAnswers();
  limitSilence(settings.silenceMs);
  const client = Trino.create({
    server: settings.trino.url,
    source,
    catalog,
    session: user === "bi" || user === "developer" ? {} : longExecution,
    auth: new BasicAuth(user, settings.trino.passwords[user]),
    ssl: { ca: readFileSync(settings.trino.authorityFile) },
    // Without it Trino rounds times to milliseconds and hides the precision of their types: trinodb/trino#1284.
    extraHeaders: { "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME" },
  });
  const pages = (sql: string) => statementPages(client, sql, signal);
  const query = async (sql: string): Promise<Table> => {
    const table: Table = { columns: [], rows: [] };
    for await (const page of pages(sql)) {
      if (page.columns.length > 0) table.columns = page.columns;
      for (const row of page.rows) table.rows.push(row);
    }
    return table;
  };
  return { pages, query };
}

async function* statementPages(client: Trino, sql: string, signal?: AbortSignal): AsyncGenerator<Table> {
  const deadlineMs = Date.now() + statementTimeoutMs;
  let last: QueryResult | undefined;
  let finished = false;
  let isSilent = false;
  try {
    const results = await client.query(sql);
    for (;;) {
      // Not `for await`: an answer that is the first and the last arrives with `done` and would be skipped.
      const { value, done } = await results.next();
      if (done && value?.id === last?.id && last?.nextUri === undefined && last !== undefined) break;
      last = value as QueryResult;
      if (last.error) throw statementError(sql, last.error);
      if (last.data || last.columns) yield { columns: last.columns ?? [], rows: last.data ?? [] };
      if (done || !last.nextUri) break;
      if (signal?.aborted) throw signal.reason;
      if (Date.now() > deadlineMs) throw overdue(last.id);
    }
    finished = true;
  } catch (cause) {
    isSilent = axios.isAxiosError(cause) && cause.code === timedOut;
    throw axios.isAxiosError(cause) ? connectionError(sql, cause) : cause;
  } finally {
    // Whoever stops reading half way must not leave a query running. One that is silent would not hear of it.
    if (!finished && !isSilent && last?.nextUri) await client.cancel(last.id).catch(() => undefined);
  }
}

type TrinoError = NonNullable<QueryResult["error"]>;

/** The statement was understood and refused, or failed: exit 1, with Trino's own name of the error. */
export class StatementError extends ReelhouseError {
  readonly errorName: string;
  /** The statement is at fault, and not Trino or what is behind it. */
  readonly isUserError: boolean;
  constructor(message: string, { errorName, errorType }: { errorName: string; errorType: string }) {
    super(message, exitCode.failed);
    this.errorName = errorName;
    this.isUserError = errorType === "USER_ERROR";
  }
}

/** The statement was refused because one of these is not there, perhaps not yet. */
export const isNotFound = (error: unknown, ...kinds: ("SCHEMA" | "TABLE" | "COLUMN")[]) =>
  error instanceof StatementError && kinds.some((kind) => error.errorName === `${kind}_NOT_FOUND`);

const overdue = (queryId: string) =>
  serviceError("trino", `query ${queryId}`, new Error(`no end after ${statementTimeoutMs / 1000} s`));

function statementError(sql: string, error: TrinoError): Error {
  if (error.errorName === "SERVER_STARTING_UP")
    return serviceError("trino", "query", new Error(error.message));
  const full = storeFullAnswer(error.failureInfo);
  if (full) return storeFullError(`trino: query "${excerpt(sql, 60)}"`, new Error(full));
  const statement = excerpt(sql, 120);
  return new StatementError(`trino: ${error.errorName}: ${error.message}\n  statement: ${statement}`, error);
}

/** What trino-client's type of it leaves out. */
interface Failure {
  message?: string;
  cause?: Failure;
}

/** What the object store said to Trino, whose own message does not tell, when its disk was full. */
function storeFullAnswer(failure: Failure | undefined): string | undefined {
  if (!failure) return undefined;
  const answer = /^(.*?) \(Service: S3, Status Code: 507\b/.exec(failure.message ?? "")?.[1];
  return storeFullAnswer(failure.cause) ?? answer;
}

function connectionError(
  sql: string,
  cause: { response?: { status: number }; message: string; code?: string },
): Error {
  const status = cause.response?.status;
  if (status === 401) return serviceError("trino", "log in", new Error("401: the password was refused"));
  return serviceError("trino", `query "${excerpt(sql, 60)}"`, cause);
}

/** trino-client has no time limits, and waits for each answer; Trino sends one every second while a statement runs. */
function limitSilence(silenceMs: number): void {
  axios.defaults.timeout = silenceMs;
  axios.defaults.timeoutErrorMessage = `no answer within ${silenceMs / 1000} s`;
}

let exactAnswers = false;

/** trino-client offers no hook, but it reads its answers through axios' defaults. */
function useExactAnswers(): void {
  if (exactAnswers) return;
  exactAnswers = true;
  axios.defaults.maxRedirects = 0;
  axios.defaults.transformResponse = [
    function parse(this: { baseURL?: string }, body: unknown) {
      if (typeof body !== "string" || !body.startsWith("{")) return body;
      const answer = parseExactly(body) as QueryResult;
      // The login goes wherever `nextUri` points: only back to the server that was asked.
      if (answer.nextUri && this.baseURL && new URL(answer.nextUri).host !== new URL(this.baseURL).host) {
        throw new Error(`trino sent the client elsewhere: ${new URL(answer.nextUri).host}`);
      }
      return answer;
    },
  ];
}
