/** People whom `reelhouse user` lets in and sends away, without a restart of anything. */
import { beforeAll, expect, it } from "vitest";
import { ask, firstCellOrError, startQuery } from "./door.ts";
import type { Running } from "./running.ts";

export function people(runningOf: () => Running): void {
  let running: Running;
  const name = "ana.b-1_x";
  let password = "";
  const user = (...words: string[]) => running.stack.reelhouse(["user", ...words]);
  const statusOf = async (secret: string) =>
    (await ask(running, { login: `${name}:${secret}`, body: "SELECT 1" })).status;
  const answer = (sql: string, secret = password) =>
    firstCellOrError(running, sql, { login: `${name}:${secret}` });
  beforeAll(() => {
    running = runningOf();
  });

  it("should let in whom it has added, as soon as the command ends, with the rights of bi", async () => {
    const added = await user("add", name, "--role", "bi");
    expect(added.code, added.stderr).toBe(0);
    password = added.stdout.trim();
    expect(password).toMatch(/^[\w-]{24}$/);
    expect(added.stderr).not.toContain(password);
    expect(await answer("SELECT count(*) FROM lakehouse.gold.movies_unified")).toBe("3");
    const refused = {
      "DELETE FROM lakehouse.gold.movies_unified": "Cannot delete from table",
      "SELECT * FROM lakehouse.bronze.critic_agg": "Cannot select from table",
      "SELECT * FROM br_access.gold.movies_unified": "Cannot access catalog br_access",
      "SET SESSION query_max_cpu_time = '1d'": "Cannot set system session property",
    };
    for (const [sql, says] of Object.entries(refused)) expect(await answer(sql), sql).toContain(says);
  });

  it("should neither show a person the query of another one, nor let it be killed", async () => {
    const other = await user("add", "ben");
    expect(other.code, other.stderr).toBe(0);
    const ben = { login: `ben:${other.stdout.trim()}` };
    const ana = { login: `${name}:${password}` };
    const queryId = await startQuery(running, ana.login);
    const path = `/v1/query/${queryId}`;
    const kill = `CALL system.runtime.kill_query(query_id => '${queryId}', message => 'not mine')`;
    const look = "SELECT query FROM system.runtime.queries";
    expect(await ask(running, { ...ana, method: "GET", path })).toMatchObject({ status: 200 });
    for (const { method, at } of [
      { method: "GET", at: path },
      { method: "DELETE", at: path },
      { method: "PUT", at: `${path}/killed` },
    ] as const)
      expect(await ask(running, { ...ben, method, path: at, body: "not mine" }), at).toMatchObject({
        status: 403,
      });
    expect((await ask(running, { ...ben, method: "GET", path: "/v1/query" })).body).not.toContain(queryId);
    expect(await firstCellOrError(running, kill, ben)).toContain("Cannot execute procedure");
    expect(await firstCellOrError(running, look, ben)).toContain("Cannot select from table");
    const state = `SELECT state FROM system.runtime.queries WHERE query_id = '${queryId}'`;
    expect(await running.stack.query(state, "admin")).toEqual([{ state: "RUNNING" }]);
    expect((await ask(running, { ...ana, method: "DELETE", path })).status).toBe(204);
    expect((await user("remove", "ben")).code).toBe(0);
  });

  it("should refuse names that are taken or none, and weak passwords", async () => {
    const refusals: [string[], number, string][] = [
      [["add", name], 1, "there is one of this name"],
      [["add", "admin"], 2, "is a user of Reelhouse itself"],
      [["add", "Ana"], 2, "expected a name of small letters"],
      [["add", "ben", "--role", "admin"], 2, "--role: expected bi, developer, found 'admin'"],
      [["remove", "ben"], 1, "user ben: there is none"],
    ];
    for (const [words, code, says] of refusals)
      expect(await user(...words)).toEqual({ code, stdout: "", stderr: expect.stringContaining(says) });
    const weak = await running.stack.reelhouse(["user", "passwd", name, "--password-stdin"], {
      input: "short\n",
    });
    expect(weak).toMatchObject({ code: 2, stderr: expect.stringContaining("12 to 128") });
  });

  it("should not be done by the container that other commands run in, which sees one volume of secrets", async () => {
    const inCli = await running.stack.compose(["exec", "-T", "cli", "reelhouse", "user", "add", "ben"]);
    expect(inCli).toMatchObject({ code: 2, stderr: expect.stringContaining("the secrets are not here") });
  });

  it("should refuse the old password after another one was chosen, and keep who is there at a start", async () => {
    const chosen = "correct horse: battery";
    const changed = await running.stack.reelhouse(["user", "passwd", name, "--password-stdin"], {
      input: `${chosen}\n`,
    });
    expect(changed).toMatchObject({ code: 0, stdout: "" });
    expect(await statusOf(password)).toBe(401);
    expect((await running.stack.compose(["run", "--rm", "-T", "--no-deps", "secrets"])).code).toBe(0);
    password = chosen;
    expect(await answer("SELECT current_user")).toBe(name);
    expect(JSON.parse((await user("list", "--json")).stdout)).toEqual([{ name, role: "bi" }]);
  });

  it("should refuse whom it has removed", async () => {
    expect((await user("remove", name)).code).toBe(0);
    expect(await statusOf(password)).toBe(401);
    expect((await user("list")).stdout).toBe("");
  });
}
