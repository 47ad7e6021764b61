/** DuckDB as the ingester uses it, beyond the statements. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Engine, openEngine } from "../../ingest/src/bronze/engine.ts";
import { countPerBatch } from "../../ingest/src/bronze/parquet.ts";

let folder: string;
let engine: Engine;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "reelhouse-test-"));
  engine = await openEngine(folder);
});
afterEach(async () => {
  engine.close();
  await rm(folder, { recursive: true });
});

/** As groups of several sources have them, in one run. */
it("should read what a temporary file holds, not what another one of its name held before", async () => {
  const path = join(folder, "group.1");
  for (let file = 1; file <= 20; file += 1) {
    const batchId = createHash("sha256").update(String(file)).digest("hex");
    await engine.copy(
      `COPY (SELECT md5((range * ${file + 1})::VARCHAR) AS title, range AS _row_number, '${batchId}' AS _batch_id FROM range(200))
       TO '${path}' (FORMAT parquet, COMPRESSION zstd)`,
    );
    expect(await engine.rows(countPerBatch(path))).toEqual([[batchId, "200", "0", "199"]]);
    await rm(path);
  }
});
