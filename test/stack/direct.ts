/** Engines of people's own read the published files through a port that can do nothing else: DuckDB and PyIceberg. */
import { beforeAll, expect, it } from "vitest";
import { type Running, readSecrets } from "./access/running.ts";
import { cellsOf, comparable } from "./backup/iceberg.ts";
import { onMachine, printedFor, writeAuthority } from "./own-machine.ts";
import type { Stack } from "./stack.ts";

const example = "SELECT movie_title, profit_usd FROM gold.movies_unified;\n";
const refused = "refused before the store";

/** As ./scripts/up --direct. */
export async function startDirect(stack: Stack): Promise<void> {
  const { code, stderr } = await stack.compose(["--profile", "direct", "up", "--detach", "--wait", "direct"]);
  expect(code, stderr).toBe(0);
}

/** The key `warehouse/...` of what is published as this table. */
export async function publishedObject(stack: Stack): Promise<string> {
  const location = await stack.catalogQuery(
    `select metadata_location from iceberg.iceberg_tables
     where catalog_name = 'lakehouse' and table_namespace = 'gold' and table_name = 'movies_unified'`,
  );
  return location.replace("s3://", "");
}

/** Requests `METHOD path` through the published port; `login`: ACCESS_KEY:SECRET_KEY, or empty for nobody. */
export async function statusesOf(
  stack: Stack,
  login: string,
  requests: string[],
): Promise<Record<string, { status: number; body: string }>> {
  const script = `for request in "$@"; do
    set -- --silent --cacert reelhouse-ca.crt --write-out '%{stdout}@@%{http_code}@@' --request "\${request%% *}"
    case "$request" in HEAD*) set -- "$@" --head ;; P*) set -- "$@" --data-binary text ;; esac
    # curl cannot sign a path that it shall leave as it is.
    case "$request" in
        *..* | *%2e*) set -- "$@" --path-as-is ;;
        *) [ -z "$LOGIN" ] || set -- "$@" --aws-sigv4 aws:amz:us-east-1:s3 --user "$LOGIN" ;;
    esac
    curl "$@" "https://localhost:$DIRECT_PORT/\${request#* }"
done`;
  const env = { LOGIN: login, DIRECT_PORT: stack.env.DIRECT_PORT ?? "" };
  const { code, stdout, stderr } = await onMachine(stack, script, { env, words: requests });
  expect(code, stderr).toBe(0);
  const parts = stdout.split("@@");
  return Object.fromEntries(
    requests.map((request, index) => [
      request,
      { body: parts[2 * index] ?? "", status: Number(parts[2 * index + 1]) },
    ]),
  );
}

export function directReaders(stackOf: () => Stack): void {
  let running: Running;
  let object: string;
  let tables: string[];
  const key = () => `${running.secrets.S3_DIRECT_ACCESS_KEY}:${running.secrets.S3_DIRECT_SECRET_KEY}`;
  beforeAll(async () => {
    const stack = stackOf();
    await startDirect(stack);
    await writeAuthority(stack);
    running = await readSecrets(stack);
    object = await publishedObject(stack);
    const listed = await stack.query(
      "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables WHERE table_schema IN ('silver', 'gold') ORDER BY 1",
    );
    tables = listed.map(({ name }) => String(name));
    expect(tables.length).toBeGreaterThan(5);
  });

  /** Trino's rows of a table, and their number. */
  async function answersOf(table: string, columns: string[]) {
    const rows = await stackOf().query(`SELECT * FROM ${table}`);
    expect(Object.keys(rows[0] ?? {}), table).toEqual(rows.length > 0 ? columns : []);
    return comparable(cellsOf(rows, columns));
  }

  it("should show DuckDB each table as Trino shows it, with the code that connect prints", async () => {
    const stack = stackOf();
    const { code, env } = await printedFor(stack, "duckdb");
    expect(code.endsWith(example)).toBe(true);
    const questions = tables.map((table) => `.print --- ${table}\nSELECT * FROM ${table};\n`);
    const utc = "SET TimeZone = 'UTC';\n";
    const input = `${code}.mode json\n${questions.join("")}`.replace(example, `${example}${utc}`);
    const { stdout, stderr } = await onMachine(stack, "/opt/iceberg/bin/duckdb -bail", { env, input });
    const [first = "", ...answers] = stdout.split(/^--- .*\n/m);
    expect(first, stderr).toContain("568276195");
    expect(answers, stderr).toHaveLength(tables.length);
    for (const [index, table] of tables.entries()) {
      const rows = JSON.parse(answers[index]?.trim() || "[]");
      const columns = Object.keys(rows[0] ?? {});
      expect(comparable(cellsOf(rows, columns)), table).toEqual(await answersOf(table, columns));
    }
  });

  it("should show PyIceberg each table as Trino shows it, with the code that connect prints", async () => {
    const stack = stackOf();
    const { code, env } = await printedFor(stack, "pyiceberg");
    const dump = `
import json
arrow = {name: table.scan().to_arrow() for name, table in tables.items()}
print("---" + json.dumps({name: [rows.column_names, [list(r.values()) for r in rows.to_pylist()]] for name, rows in arrow.items()}, default=str))
`;
    const { stdout, stderr } = await onMachine(stack, "/opt/iceberg/bin/python -", {
      env,
      input: code + dump,
    });
    const [first = "", answers = "{}"] = stdout.split("---");
    expect(first, stderr).toContain("{'movie_title': 'Inception', 'profit_usd': 568276195}");
    const seen: Record<string, [string[], unknown[][]]> = JSON.parse(answers);
    expect(Object.keys(seen)).toEqual(tables);
    for (const [table, [columns, rows]] of Object.entries(seen))
      expect(comparable(rows), table).toEqual(await answersOf(table, columns));
  });

  it.each([
    { client: "duckdb", program: "/opt/iceberg/bin/duckdb -bail" },
    { client: "pyiceberg", program: "/opt/iceberg/bin/python -" },
  ])(
    "should not be read by $client, whose code trusts the stack's authority alone, with another one",
    async ({ client, program }) => {
      const { code, env } = await printedFor(stackOf(), client);
      const input = code.replace("reelhouse-ca.crt", "/etc/ssl/certs/ca-certificates.crt");
      const outcome = await onMachine(stackOf(), program, { env, input });
      expect(outcome.code).toBe(1);
      expect(outcome.stdout).not.toContain("Inception");
      expect(outcome.stderr).toMatch(/SSL/);
    },
  );

  it("should answer to its key alone", async () => {
    const request = `GET ${object}`;
    const ask = async (login: string) => (await statusesOf(stackOf(), login, [request]))[request]?.status;
    expect(await ask(key())).toBe(200);
    expect(await ask("")).toBe(403);
    expect(await ask(`${running.secrets.S3_DIRECT_ACCESS_KEY}:wrong`)).toBe(403);
    expect(await ask("minioadmin:minioadmin")).toBe(403);
  });

  it("should refuse whatever is not reading a published layer", async () => {
    const requests = [
      "GET warehouse/_publications/1.json",
      "GET warehouse/staging/none",
      "GET warehouse?list-type=2",
      "GET bronze?list-type=2",
      "GET bronze/rows/none",
      "GET landing/none",
      `PUT ${object}`,
      "PUT warehouse/gold/access-probe",
      `DELETE ${object}`,
      "POST warehouse?delete",
    ];
    const answers = await statusesOf(stackOf(), key(), requests);
    expect(Object.entries(answers).map(([request, { status }]) => [request, status])).toEqual(
      requests.map((request) => [request, 403]),
    );
    const again = await statusesOf(stackOf(), key(), [`HEAD ${object}`]);
    expect(again[`HEAD ${object}`]?.status).toBe(200);
  });

  it("should refuse writes and other buckets before the store, even to the store's root", async () => {
    const root = `${running.secrets.STORE_ROOT_USER}:${running.secrets.STORE_ROOT_PASSWORD}`;
    const requests = [
      "PUT warehouse/gold/access-probe",
      `DELETE ${object}`,
      "POST warehouse?delete",
      "GET warehouse?list-type=2",
      "GET warehouse/?list-type=2",
      "GET bronze/rows/none",
      "GET landing/none",
      "GET warehouse/gold/..",
      "GET warehouse/../bronze/none",
      "GET warehouse/%2e%2e/bronze/none",
      "GET minio/health/live",
      "GET minio/admin/v3/list-users",
    ];
    const answers = await statusesOf(stackOf(), root, requests);
    for (const request of requests)
      expect(answers[request], request).toEqual({ status: 403, body: expect.stringContaining(refused) });
  });

  it("should speak TLS alone, with a certificate of the stack's authority", async () => {
    const curl = async (words: string) =>
      (await onMachine(stackOf(), `curl --silent --output /dev/null ${words}`)).code;
    const address = `localhost:${stackOf().env.DIRECT_PORT}/${object}`;
    const untrusted = 60;
    const emptyReply = 52;
    expect(await curl(`https://${address}`)).toBe(untrusted);
    expect(await curl(`http://${address}`)).toBe(emptyReply);
    expect(await curl(`--cacert reelhouse-ca.crt https://${address}`)).toBe(0);
  });

  it("should show a renewed certificate, without a start", async () => {
    const stack = stackOf();
    const serial = async () => {
      const script = `openssl s_client -connect "localhost:$DIRECT_PORT" </dev/null 2>/dev/null | openssl x509 -noout -serial`;
      const env = { DIRECT_PORT: stack.env.DIRECT_PORT ?? "" };
      return (await onMachine(stack, script, { env })).stdout.trim();
    };
    const old = await serial();
    expect(old).toMatch(/^serial=/);
    const renew = "rm /secrets/root/direct.pem && exec reelhouse secrets /secrets";
    const run = ["run", "--rm", "--no-deps", "-T", "--entrypoint", "sh", "secrets", "-c", renew];
    expect((await stack.compose(run)).code).toBe(0);
    await expect.poll(serial, { timeout: 20_000, interval: 500 }).not.toBe(old);
    const request = `GET ${object}`;
    expect((await statusesOf(stack, key(), [request]))[request]?.status).toBe(200);
  });

  it("should be published on the loopback address alone", async () => {
    const { stdout } = await stackOf().compose(["--profile", "*", "port", "direct", "9443"]);
    expect(stdout.trim()).toBe(`127.0.0.1:${stackOf().env.DIRECT_PORT}`);
  });
}
