/** One user's queries end, or wait for each other; nobody else's do. */
import { expect, it } from "vitest";
import { readText } from "../../contract/repository.ts";
import type { Stack } from "../stack.ts";
import { ask } from "./door.ts";
import { readSecrets } from "./running.ts";

/**
 * From Trino's next start on, a person's query may run for seconds: a test has no five minutes. And there is a table that
 * takes far longer to be read: Trino's own generator makes its rows, which takes no disk.
 */
export async function shortenLimits(stack: Stack): Promise<void> {
  const config = readText("trino/etc/config.properties");
  const file = stack.write("config.properties", config.replace(/(query\.max-execution-time)=5m/, "$1=15s"));
  stack.write("federation/large.properties", "connector.name=tpch\n");
  const copied = await stack.run("docker", ["cp", file, `${stack.project}-trino-1:/opt/trino/etc/`]);
  expect(copied.code, copied.stderr).toBe(0);
}

const pairs = "UNNEST(sequence(1, 10000)) AS a (x) CROSS JOIN UNNEST(sequence(1, 10000)) AS b (y)";
const crossJoin = `SELECT count(*) FROM ${pairs} CROSS JOIN UNNEST(sequence(1, 10000)) AS c (z) WHERE x * y % 7 = z`;
const fullScan = "SELECT max(comment), sum(extendedprice) FROM ext_large.sf1000.lineitem";
const hoarder = `SELECT cardinality(array_agg(CAST(x * y AS varchar) || lpad('', 100000, 'x'))) FROM ${pairs}`;

export function limits(stackOf: () => Stack): void {
  it("should stop what takes too long or too much memory, while a build succeeds beside it", async () => {
    const stack = stackOf();
    const [long, scan, large, built] = await Promise.allSettled([
      stack.query(crossJoin),
      stack.query(fullScan),
      stack.query(hoarder),
      stack.succeed(["build", "--force"]),
    ]);
    for (const stopped of [long, scan])
      expect(stopped).toMatchObject({
        reason: { message: expect.stringContaining("execution time limit of 15.00s") },
      });
    expect(large).toMatchObject({ reason: { message: expect.stringContaining("memory limit of 512MB") } });
    expect(built.status, built.status === "rejected" ? String(built.reason) : "").toBe("fulfilled");
    const ids = (await stack.compose(["ps", "--all", "--quiet"])).stdout.trim().split("\n");
    const { stdout } = await stack.run("docker", ["inspect", "--format", "{{.State.OOMKilled}}", ...ids]);
    expect(new Set(stdout.trim().split("\n"))).toEqual(new Set(["false"]));
  });

  it("should run two queries of a user, let twenty wait and refuse more, and let nobody else wait", async () => {
    const stack = stackOf();
    const running = await readSecrets(stack);
    const login = `bi:${running.secrets.TRINO_BI_PASSWORD}`;
    const body = `${crossJoin} AND x > 1`;
    const start = async () => {
      const { nextUri } = JSON.parse((await ask(running, { login, body })).body);
      const path = new URL(nextUri).pathname;
      return JSON.parse((await ask(running, { login, method: "GET", path })).body);
    };
    const started = await Promise.all(Array.from({ length: 25 }, start));
    const states = async () => {
      const rows = await stack.query(
        `SELECT if(state IN ('QUEUED', 'FAILED'), state, 'STARTED') AS state, count(*) AS queries
         FROM system.runtime.queries WHERE "user" = 'bi' AND query LIKE '%x > 1' GROUP BY 1`,
        "admin",
      );
      return Object.fromEntries(rows.map(({ state, queries }) => [state, queries]));
    };
    try {
      expect(await states()).toEqual({ STARTED: 2, QUEUED: 20, FAILED: 3 });
      expect(await stack.query("SELECT 1 AS one", "ingest", "ingest")).toEqual([{ one: 1 }]);
    } finally {
      // Whoever comes next would wait behind them.
      const left = started.flatMap(({ nextUri }) => (nextUri ? [new URL(nextUri).pathname] : []));
      await Promise.all(left.map((path) => ask(running, { login, method: "DELETE", path })));
    }
    expect(await stack.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
}
