/** Files of a layer: the format that was asked for, and no half file. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exportLayers } from "../../ingest/src/export.ts";
import { type ExportFormatName, exportFormatNames } from "../../ingest/src/results/formats.ts";
import type { Settings } from "../../ingest/src/settings.ts";
import { startFakeTrino } from "../fixtures/trino.ts";

let hostRoot = "";
beforeEach(() => {
  hostRoot = mkdtempSync(join(tmpdir(), "export-"));
});
afterEach(() => rmSync(hostRoot, { recursive: true }));

/** Bronze of a lake in which every statement has the same answer. */
async function exportBronze(format: ExportFormatName, answer: object): Promise<string[]> {
  await using server = await startFakeTrino(JSON.stringify({ id: "1", ...answer }));
  const trino = { url: server.url, authorityFile: import.meta.filename, passwords: {} };
  const report = { info() {}, warn() {}, error() {}, progress() {} };
  const context = {
    settings: { hostRoot, trino, silenceMs: 60_000 } as Settings,
    report,
    signal: new AbortController().signal,
  };
  return await exportLayers({ output: { bronze: "/out" }, format }, context);
}

/** The answer to which sources there are, too. */
const names = ["x"];
const starts: Record<ExportFormatName, string> = { csv: "a\n", arrow: "ARROW1", parquet: "PAR1" };

describe("export", () => {
  it.each(exportFormatNames)("should write each table as %s, whole", async (format) => {
    const files = await exportBronze(format, { columns: [{ name: "a", type: "varchar" }], data: [["x"]] });
    expect(files.toSorted()).toEqual(names.map((name) => `/out/${name}.${format}`));
    expect(readdirSync(join(hostRoot, "out")).sort()).toEqual(names.map((name) => `${name}.${format}`));
    const written = readFileSync(join(hostRoot, "out", `x.${format}`), "latin1");
    expect(written.startsWith(starts[format])).toBe(true);
    if (format !== "csv") expect(written.endsWith(starts[format])).toBe(true);
  });

  it.each(["arrow", "parquet"] as const)("should leave no half file behind: %s", async (format) => {
    const answer = { columns: [{ name: "a", type: "date" }], data: [["tomorrow"]] };
    await expect(exportBronze(format, answer)).rejects.toThrow("column a: expected");
    expect(readdirSync(join(hostRoot, "out"))).toEqual([]);
  });
});
