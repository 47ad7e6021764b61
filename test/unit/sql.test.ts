/** `reelhouse sql` as a process: which bytes reach standard output, and that none reach a terminal. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { afterAll, expect, it } from "vitest";
import { startFakeTrino } from "../fixtures/trino.ts";

const cli = join(import.meta.dirname, "../../ingest/src/cli.ts");
const secrets = mkdtempSync(join(tmpdir(), "secrets-"));
afterAll(() => rmSync(secrets, { recursive: true }));
writeFileSync(join(secrets, "ca.crt"), "");

/** Every setting that the CLI wants to have; only Trino is asked. */
const settings = Object.fromEntries(
  [
    ...[
      "CATALOG_HOST",
      "PG_LEDGER_PASSWORD",
      "PG_PUBLISHER_PASSWORD",
      "PG_BACKUP_PASSWORD",
      "STORE_ENDPOINT",
      "STORE_REGION",
      "DBT_URL",
      "DBT_TOKEN",
      "SUPERSET_ADMIN_PASSWORD",
    ],
    ...["INGEST", "PUBLISHER", "LANDING", "BACKUP", "RESTORE", "MAINTENANCE", "ERASURE", "DIRECT"].flatMap(
      (user) => [`S3_${user}_ACCESS_KEY`, `S3_${user}_SECRET_KEY`],
    ),
    ...["ADMIN", "BI", "DBT", "DEVELOPER", "INGEST", "MAINTENANCE"].map((user) => `TRINO_${user}_PASSWORD`),
    ...["TRINO_PORT", "SUPERSET_PORT", "DIRECT_PORT", "SERVICE_TIMEOUT_SECONDS"],
  ].map((name) => [name, "1"]),
);
writeFileSync(
  join(secrets, "env"),
  Object.entries(settings)
    .map((pair) => pair.join("="))
    .join("\n"),
);

function sql(words: string[], env: Record<string, string>) {
  const options = { env: { ...env, REELHOUSE_SECRETS: secrets }, encoding: "buffer" as const };
  return new Promise<{ code: unknown; stdout: Buffer; stderr: string }>((done) => {
    execFile(process.execPath, [cli, "sql", ...words], options, (error, stdout, stderr) =>
      done({ code: error?.code ?? 0, stdout, stderr: String(stderr) }),
    );
  });
}

it("should write Arrow's bytes as they are", async () => {
  const columns = '[{"name": "big", "type": "bigint"}, {"name": "bytes", "type": "varchar"}]';
  const row = '[-9223372036854775808, "\\u0080\\r\\n千"]';
  await using server = await startFakeTrino(`{"id": "1", "columns": ${columns}, "data": [${row}]}`);
  const { code, stdout, stderr } = await sql(["--format", "arrow", "SELECT 1"], { TRINO_URL: server.url });
  expect(code, stderr).toBe(0);
  const table = tableFromIPC(stdout);
  expect([...table].map((found) => found.toJSON())).toEqual([{ big: -(2n ** 63n), bytes: "\u0080\r\n千" }]);
});

it("should refuse to write bytes to a terminal, and say where to send them", async () => {
  await using server = await startFakeTrino('{"id": "1", "columns": [], "data": []}');
  const env = { TRINO_URL: server.url, REELHOUSE_RESULT_TERMINAL: "1" };
  const { code, stdout, stderr } = await sql(["--format", "arrow", "SELECT 1"], env);
  expect(code).toBe(2);
  expect(stdout).toHaveLength(0);
  expect(JSON.parse(stderr)).toMatchObject({
    message: "reelhouse sql: --format arrow writes bytes that a terminal cannot show",
    next: "redirect them: > result.arrows, or choose another format",
  });
  expect(server.heard).toEqual([]);
  expect((await sql(["--format", "csv", "SELECT 1"], env)).code).toBe(0);
});
