/** What a Trino session asks of the server. */
import { expect, it } from "vitest";
import type { Settings } from "../../ingest/src/settings.ts";
import { connectTrino } from "../../ingest/src/trino.ts";
import { startFakeTrino } from "../fixtures/trino.ts";

it("should ask for times with all their digits, which Trino else rounds to milliseconds", async () => {
  await using server = await startFakeTrino('{"id": "1", "columns": [{"name": "a"}], "data": [[1]]}');
  // Any file: no certificate is looked at without TLS.
  const trino = { url: server.url, authorityFile: import.meta.filename, passwords: {} };
  const session = connectTrino({ trino } as Settings, "bi", { catalog: "lakehouse" });
  expect((await session.query("SELECT 1")).rows).toEqual([[1]]);
  expect(server.heard[0]?.["x-trino-client-capabilities"]).toBe("PARAMETRIC_DATETIME");
});
