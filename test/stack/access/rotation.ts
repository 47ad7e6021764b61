/** After `reelhouse rotate` every secret is another one, the old ones open nothing, and the data is as it was. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { publishedObject, startDirect, statusesOf } from "../direct.ts";
import type { Stack } from "../stack.ts";
import { answers } from "./catalog.ts";
import { ask } from "./door.ts";
import { type Running, readSecrets } from "./running.ts";
import { statuses } from "./store.ts";

/** Which doors the secrets of `login` open, of a running stack. */
async function opened(running: Running, { secrets }: Running): Promise<Record<string, boolean>> {
  const { stack } = running;
  writeFileSync(join(stack.folder, "reelhouse-ca.crt"), running.authority);
  const read = `GET ${await publishedObject(stack)}`;
  const direct = `${secrets.S3_DIRECT_ACCESS_KEY}:${secrets.S3_DIRECT_SECRET_KEY}`;
  const trino = (user: string) =>
    ask(running, { login: `${user}:${secrets[`TRINO_${user.toUpperCase()}_PASSWORD`]}`, body: "SELECT 1" });
  const list = "GET bronze?list-type=2&max-keys=1";
  const store = async (user: string, password: string) =>
    (await statuses(stack, `${secrets[user]}:${secrets[password]}`, [list]))[list] === 200;
  const role = "ledger";
  const [catalog] = await answers(stack, role, secrets.PG_LEDGER_PASSWORD ?? "", ["select 1"]);
  const project = `import sys, urllib.request as u
u.urlopen(u.Request("http://localhost:8580/project", headers={"authorization": "Bearer " + sys.argv[1]}))`;
  return {
    admin: (await trino("admin")).status === 200,
    bi: (await trino("bi")).status === 200,
    root: await store("STORE_ROOT_USER", "STORE_ROOT_PASSWORD"),
    ingest: await store("S3_INGEST_ACCESS_KEY", "S3_INGEST_SECRET_KEY"),
    direct: (await statusesOf(stack, direct, [read]))[read]?.status === 200,
    ledger: catalog === "1",
    dbt: (await stack.exec("dbt", ["python3", "-c", project, secrets.DBT_TOKEN ?? ""])).code === 0,
  };
}

export function rotation(stackOf: () => Stack): void {
  const all = (isOpen: boolean) => ({
    ...{
      admin: isOpen,
      bi: isOpen,
      root: isOpen,
      ingest: isOpen,
      direct: isOpen,
      ledger: isOpen,
      dbt: isOpen,
    },
  });
  beforeAll(() => startDirect(stackOf()));
  const gold = (stack: Stack) =>
    stack.query("SELECT * FROM gold.movies_unified ORDER BY movie_title, release_year");

  it("should be refused while a run is active", async () => {
    const stack = stackOf();
    const holder = stack.exec("catalog", [
      ...["psql", "--dbname", "lakehouse", "--command"],
      "select pg_advisory_lock(7236), pg_sleep(60)",
    ]);
    for (;;) {
      const held = await stack.catalogQuery(
        "select count(*) from pg_locks where locktype = 'advisory' and granted",
      );
      if (held !== "0") break;
    }
    const outcome = await stack.reelhouse(["rotate"]);
    expect(outcome).toMatchObject({ code: 6, stderr: expect.stringContaining("another run is active") });
    await stack.catalogQuery("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'");
    await holder;
  });

  it("should make every secret another one, refuse the old ones, and leave the data", async () => {
    const stack = stackOf();
    const old = await readSecrets(stack);
    const before = await gold(stack);
    expect(await opened(old, old)).toEqual(all(true));
    await stack.succeed(["user", "add", "ana", "--password-stdin"], { input: "correct horse battery\n" });
    await stack.succeed(["rotate", "--certificate"]);
    await stack.forgetContainers();
    const renewed = await readSecrets(stack);
    const values = Object.values(old.secrets);
    expect(Object.keys(renewed.secrets).sort()).toEqual(Object.keys(old.secrets).sort());
    const kept = Object.entries(renewed.secrets).filter(([, value]) => values.includes(value));
    expect(kept.map(([name]) => name)).toEqual(["SUPERSET_SECRET_KEY"]);
    expect(renewed.authority).not.toBe(old.authority);
    expect(await opened(renewed, old)).toEqual(all(false));
    expect(await opened(renewed, renewed)).toEqual(all(true));
    const ana = { login: "ana:correct horse battery", body: "SELECT 1" };
    expect(await ask(renewed, ana)).toMatchObject({ status: 200 });
    await stack.succeed(["user", "remove", "ana"]);
    expect(await gold(stack)).toEqual(before);
  });
}
