/** Who gets through Trino's door: HTTPS, password, own name only; and what one user sees of another's queries. */
import http from "node:http";
import https from "node:https";
import { rootCertificates } from "node:tls";
import { beforeAll, expect, it } from "vitest";
import type { Running } from "./running.ts";

interface Request {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  path?: string;
  scheme?: "http" | "https";
  /** `user:password`; none by default. */
  login?: string;
  headers?: Record<string, string>;
  body?: string;
  /** PEM of the authority that the client trusts (default: the stack's own). */
  authority?: string;
}
interface Answer {
  status: number;
  body: string;
}

/** One request to Trino's published port. Rejects when no HTTP answer comes. */
export function ask({ stack, authority }: Running, request: Request): Promise<Answer> {
  const { method = "POST", path = "/v1/statement", scheme = "https", login, headers = {}, body } = request;
  const ca = request.authority ?? authority;
  const authorization = login && { authorization: `Basic ${Buffer.from(login).toString("base64")}` };
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const call = (scheme === "https" ? https : http).request(
    // A connection of its own: a reused one would skip the certificate check that the test is about.
    {
      host: "localhost",
      port: stack.trinoPort,
      method,
      path,
      ca,
      agent: false,
      headers: { ...headers, ...authorization },
    },
    async (answer) => resolve({ status: answer.statusCode ?? 0, body: (await answer.toArray()).join("") }),
  );
  call.on("error", reject).end(body);
  return promise;
}

/** Runs a statement to its end; returns its first cell, or Trino's error message. */
export async function firstCellOrError(running: Running, sql: string, request: Request): Promise<string> {
  let answer = await ask(running, { ...request, body: sql });
  for (;;) {
    if (answer.status !== 200) return answer.body;
    const { error, data, nextUri } = JSON.parse(answer.body);
    if (error || data) return error?.message ?? String(data[0][0]);
    if (!nextUri) return "";
    answer = await ask(running, { ...request, method: "GET", path: new URL(nextUri).pathname });
  }
}

/** A query with more rows than Trino keeps for a client: it waits for one that never asks. Returns its id. */
export async function startQuery(running: Running, login: string): Promise<string> {
  const big =
    "SELECT lpad(CAST(uuid() AS varchar), 1000, 'x') FROM UNNEST(sequence(1, 10000)) CROSS JOIN UNNEST(sequence(1, 10))";
  let state = JSON.parse((await ask(running, { login, body: big })).body);
  while (!state.data) {
    if (state.error) throw new Error(state.error.message);
    const next = { method: "GET", path: new URL(state.nextUri).pathname } as const;
    state = JSON.parse((await ask(running, { ...next, login })).body);
  }
  return state.id;
}

export function trinoDoor(runningOf: () => Running): void {
  let running: Running;
  const login = (user: string) => `${user}:${running.secrets[`TRINO_${user.toUpperCase()}_PASSWORD`]}`;
  beforeAll(() => {
    running = runningOf();
  });

  const one = { body: "SELECT 1" };
  it.each(["admin", "ingest", "dbt", "bi", "maintenance"])(
    "should let %s in with the right password",
    async (user) => {
      const me = await firstCellOrError(running, "SELECT current_user", { login: login(user) });
      expect(me).toBe(user);
    },
  );

  it("should not speak plain HTTP", async () => {
    await expect(ask(running, { ...one, scheme: "http", login: login("bi") })).rejects.toThrow();
  });

  it("should not be trusted by a client that knows other authorities only", async () => {
    const stranger = ask(running, { ...one, login: login("bi"), authority: rootCertificates[0] ?? "" });
    await expect(stranger).rejects.toThrow(/unable to verify the first certificate|self-signed certificate/);
  });

  it.each([
    ["no password", () => ({})],
    ["a user's name alone", () => ({ headers: { "x-trino-user": "admin" } })],
    ["an empty password", () => ({ login: "bi:" })],
    ["a wrong password", () => ({ login: "bi:wrong" })],
    ["another user's password", () => ({ login: `admin:${running.secrets.TRINO_BI_PASSWORD}` })],
    ["an unknown user", () => ({ login: "nobody:wrong" })],
  ])("should answer 401 to %s", async (_what, credentials) => {
    expect(await ask(running, { ...one, ...credentials() })).toMatchObject({ status: 401 });
  });

  it("should not believe a proxy's header that the connection was secure", async () => {
    const headers = { "x-forwarded-proto": "https", "x-trino-user": "admin" };
    expect(await ask(running, { ...one, headers })).toMatchObject({ status: 406 });
  });

  it.each([
    ["bi", "admin"],
    ["bi", "dbt"],
    ["dbt", "ingest"],
    ["admin", "bi"],
  ])("should not let %s act as %s", async (user, other) => {
    const answer = firstCellOrError(running, "SELECT current_user", {
      login: login(user),
      headers: { "x-trino-user": other },
    });
    expect(await answer).toContain(`User ${user} cannot impersonate user ${other}`);
  });

  it.each([
    ["x-trino-session", "query_max_run_time=1d", "Cannot set system session property query_max_run_time"],
    ["x-trino-session", "lakehouse.parquet_max_read_block_size=1GB", "Cannot set catalog session property"],
    ["x-trino-role", "system=ROLE{admin}", "Cannot set role admin"],
  ])("should not let bi pass %s: %s", async (name, value, says) => {
    const answer = firstCellOrError(running, "SELECT 1", { login: login("bi"), headers: { [name]: value } });
    expect(await answer).toContain(says);
  });

  it.each([
    ["GET", "/v1/node"],
    ["GET", "/v1/thread"],
    ["GET", "/v1/jmx/mbean"],
    ["GET", "/metrics"],
    ["PUT", "/v1/info/state"],
    ["GET", "/v1/task"],
  ] as const)("should keep %s %s from bi", async (method, path) => {
    expect(await ask(running, { method, path, login: login("bi"), body: '"ACTIVE"' })).toMatchObject({
      status: 403,
    });
  });

  it("should keep health out of everything but what its check asks", async () => {
    const health = { login: login("health") };
    const check = "SELECT count(*) FROM lakehouse.information_schema.schemata";
    expect(Number(await firstCellOrError(running, check, health))).toBeGreaterThan(0);
    const gold = await firstCellOrError(running, "SELECT * FROM lakehouse.gold.movies_unified", health);
    expect(gold).toContain("Access Denied: Cannot select from table");
  });

  it("should hide admin's query from the others, and let only admin kill it", async () => {
    const queryId = await startQuery(running, login("admin"));
    const path = `/v1/query/${queryId}`;
    const kill = `CALL system.runtime.kill_query(query_id => '${queryId}', message => 'end of test')`;
    const look = `SELECT state FROM system.runtime.queries WHERE query_id = '${queryId}'`;
    for (const user of ["bi", "developer", "dbt", "ingest", "maintenance"] as const) {
      const others = { login: login(user) };
      expect((await ask(running, { ...others, method: "GET", path: "/v1/query" })).body).not.toContain(
        queryId,
      );
      expect(await ask(running, { ...others, method: "GET", path }), user).toMatchObject({ status: 403 });
      expect(await ask(running, { ...others, method: "DELETE", path }), user).toMatchObject({ status: 403 });
      const killed = ask(running, { ...others, method: "PUT", path: `${path}/killed`, body: "gone" });
      expect(await killed, user).toMatchObject({ status: 403 });
      await expect(running.stack.query(kill, user, "system")).rejects.toThrow("Access Denied");
      if (user !== "bi" && user !== "developer")
        expect(await running.stack.query(look, user, "system")).toEqual([]);
    }
    expect(await running.stack.query(look, "admin")).toEqual([{ state: "RUNNING" }]);
    await running.stack.query(kill, "admin");
    expect(await running.stack.query(look, "admin")).toEqual([{ state: "FAILED" }]);
  });
}
