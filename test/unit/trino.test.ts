/** What a Trino session asks of the server. */
import { expect, it } from "vitest";
import type { Settings, TrinoUser } from "../../ingest/src/settings.ts";
import { connectTrino } from "../../ingest/src/trino.ts";
import { startFakeTrino } from "../fixtures/trino.ts";

const sessionAt = (url: string, user: TrinoUser = "bi") => {
  // Any file: no certificate is looked at without TLS.
  const trino = { url, authorityFile: import.meta.filename, passwords: {} };
  return connectTrino({ trino, silenceMs: 60_000 } as Settings, user, { catalog: "lakehouse" });
};

it("should ask for times with all their digits, which Trino else rounds to milliseconds", async () => {
  await using server = await startFakeTrino('{"id": "1", "columns": [{"name": "a"}], "data": [[1]]}');
  expect((await sessionAt(server.url).query("SELECT 1")).rows).toEqual([[1]]);
  expect(server.heard[0]?.["x-trino-client-capabilities"]).toBe("PARAMETRIC_DATETIME");
});

it.each([
  ["ingest", "query_max_execution_time=15m"],
  ["admin", "query_max_execution_time=15m"],
  ["developer", undefined],
  ["bi", undefined],
] as const)("should ask for the time that %s may take: %s", async (user, session) => {
  await using server = await startFakeTrino('{"id": "1", "columns": [{"name": "a"}], "data": [[1]]}');
  await sessionAt(server.url, user).query("SELECT 1");
  expect(server.heard[0]?.["x-trino-session"] || undefined).toBe(session);
});

it("should tell that the store's disk is full, of which Trino's message says nothing", async () => {
  const refused =
    "Storage backend has reached its minimum free drive threshold. (Service: S3, Status Code: 507, x)";
  const failureInfo = {
    message: "Failed to close",
    cause: { message: `Put failed: ${refused}`, cause: { message: refused } },
  };
  const error = { errorName: "ICEBERG_COMMIT_ERROR", message: "Failed to close", failureInfo };
  await using server = await startFakeTrino(JSON.stringify({ id: "1", error }));
  await expect(sessionAt(server.url).query("INSERT INTO a\nVALUES 1")).rejects.toMatchObject({
    exitCode: 5,
    message:
      'trino: query "INSERT INTO a VALUES 1": the object store\'s disk is full: Storage backend has reached its minimum free drive threshold.',
  });
});
