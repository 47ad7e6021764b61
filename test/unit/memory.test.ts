/** A load takes less memory than its file has bytes: as a process of its own, with DuckDB and all that it promises. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "reelhouse-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const loading = join(import.meta.dirname, "../bench/ingest/reelhouse.ts");
const rowsPerPiece = 1000;
const pieceCount = 800;
const value = "x".repeat(990);

/** A file of `pieceCount` times `row`, a thousand of them each time. */
function makeFile(name: string, { begin, row, end }: { begin: string; row: string; end: string }): string {
  const file = join(folder, name);
  const descriptor = openSync(file, "w");
  writeSync(descriptor, begin);
  for (let piece = 0; piece < pieceCount; piece++) writeSync(descriptor, row.repeat(rowsPerPiece));
  writeSync(descriptor, end);
  closeSync(descriptor);
  return file;
}

describe("the memory of a load", () => {
  it.each([
    { format: "csv", text: { begin: "a,b\n", row: `${value},1\n`, end: "x,1\n" } },
    { format: "json", text: { begin: "[", row: `{"a":"${value}","b":1},\n`, end: '{"a":"x","b":1}]' } },
  ])("should be bounded, whatever the size of the file: $format", ({ format, text }) => {
    const file = makeFile(`large.${format}`, text);
    const words = [loading, file, join(folder, format), format];
    const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
    expect(stderr).toBe("");
    const { rows, kilobytes } = JSON.parse(stdout);
    expect(rows).toBe(rowsPerPiece * pieceCount + 1);
    expect(statSync(file).size).toBeGreaterThan(780e6);
    expect(kilobytes * 1024).toBeLessThan(600e6);
    rmSync(file);
  });
});
