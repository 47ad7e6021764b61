import { afterEach, describe, expect, it, vi } from "vitest";
import { Progress, progressLine } from "../../ingest/src/progress.ts";
import { hashFile } from "../../ingest/src/read/identity.ts";
import { createReport, type Report } from "../../ingest/src/report.ts";

/** A report that keeps what it is told, and a clock that the test sets. */
function watched() {
  const told: { message: string; fields: Record<string, unknown> }[] = [];
  const silent = () => undefined;
  const report: Report = {
    ...{ info: silent, warn: silent, error: silent },
    progress: (message, fields = {}) => void told.push({ message, fields }),
  };
  const clock = { ms: 0 };
  return { told, clock, progress: new Progress(report, () => clock.ms) };
}

describe("the progress of a load", () => {
  it("should count the present file by what is read of it, and whole when it is done", () => {
    const { told, clock, progress } = watched();
    progress.plan([1_000_000, 3_000_000]);
    progress.begin("critic_agg", 1_000_000);
    clock.ms = 2000;
    progress.read({ bytes: 500_000 });
    clock.ms = 4000;
    progress.read({ rows: 9000 });
    clock.ms = 5000;
    progress.end();
    expect(told.map(({ fields }) => fields)).toMatchObject([
      { files: { done: 0, all: 2 }, bytes: { done: 0, all: 4_000_000 }, rows: 0 },
      { bytes: { done: 500_000, all: 4_000_000 }, rows: 0, seconds: 2 },
      { bytes: { done: 500_000, all: 4_000_000 }, rows: 9000, seconds: 4 },
      { files: { done: 1, all: 2 }, bytes: { done: 1_000_000, all: 4_000_000 }, rows: 9000, seconds: 5 },
    ]);
    expect(told.at(-1)?.message).toBe(
      "critic_a… [##--------] 25 %, 1/2 files, 9.0 k rows, 1.0 MB, 200 kB/s, 15 s left",
    );
  });

  it("should count a file once that is read twice, half of it by each reading", () => {
    const { told, clock, progress } = watched();
    progress.plan([1000, 1000]);
    progress.begin("audience_pulse", 1000);
    const steps = [
      () => progress.reading(1, 2),
      () => progress.read({ bytes: 500 }),
      () => progress.read({ bytes: 1000 }),
      () => progress.reading(2, 2),
      () => progress.read({ bytes: 500, rows: 9 }),
      () => progress.end(),
      () => progress.begin("views", 1000),
      () => progress.read({ bytes: 500 }),
    ];
    for (const step of steps) {
      clock.ms += 1000;
      step();
    }
    const done = told.map(({ fields }) => (fields.bytes as { done: number }).done);
    expect(done).toEqual([0, 250, 500, 750, 1000, 1000, 1500]);
  });

  it("should never count more of a file than it has", () => {
    const { told, clock, progress } = watched();
    progress.plan([100]);
    progress.begin("views", 100);
    clock.ms = 2000;
    progress.read({ bytes: 5000 });
    expect(told.at(-1)?.fields).toMatchObject({ bytes: { done: 100, all: 100 } });
  });

  it("should not be told more often than ten times a second", () => {
    const { told, clock, progress } = watched();
    progress.plan([1000]);
    progress.begin("views", 1000);
    for (clock.ms = 0; clock.ms < 1000; clock.ms += 1) progress.read({ bytes: clock.ms });
    expect(told).toHaveLength(10);
  });
});

describe("a line of progress", () => {
  const state = {
    source: "views",
    files: { done: 0, all: 1 },
    bytes: { done: 0, all: 0 },
    rows: 0,
    seconds: 0,
  };

  it("should tell no rate before there is one", () => {
    expect(progressLine(state)).toBe("views [##########] 100 %, 0/1 files, 0 rows, 0 B");
  });

  it("should fit a terminal whatever the numbers are", () => {
    const large = {
      source: "a_source_with_a_name_of_sixty_characters_that_says_a_lot_of_it",
      files: { done: 9_999, all: 10_000 },
      bytes: { done: 99_000_000_000_000, all: 100_000_000_000_000 },
      rows: 999_999_999_999,
      seconds: 1_000_000,
    };
    expect(progressLine(large)).toBe(
      "… [#########-] 99 %, 9999/10000 files, 1.0 T rows, 99.0 TB, 99.0 MB/s, 2 h 48 m",
    );
    expect(progressLine({ ...large, bytes: { done: 5, all: 9 }, rows: 1, seconds: 2 })).toHaveLength(79);
  });
});

describe("progress elsewhere than on a terminal", () => {
  afterEach(() => void vi.restoreAllMocks());

  it("should be silent at first, as short work is done before anyone asks, then a line every ten seconds", () => {
    let nowMs = 0;
    vi.spyOn(performance, "now").mockImplementation(() => nowMs);
    let written = "";
    const report = createReport({ write: (text) => (written += text) }, {});
    for (; nowMs < 25_000; nowMs += 500) report.progress("half", { rows: nowMs });
    const lines = written.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: "info", event: "progress", message: "half", rows: 10_000 },
      { rows: 20_000 },
    ]);
  });
});

describe("progress on a terminal", () => {
  it.each([
    { output: { isTTY: true }, env: {} },
    { output: {}, env: { REELHOUSE_TERMINAL: "1" } },
  ])("should replace the line before, and give way to what is said: $env", ({ output, env }) => {
    let written = "";
    const report = createReport({ ...output, write: (text) => (written += text) }, env);
    report.progress("10 %");
    report.progress("20 %");
    report.info("loaded", "views: a.csv: 3 rows");
    report.warn("held", "views: b.csv");
    const clear = "\r\u001b[K";
    expect(written).toBe(
      `${clear}10 %${clear}20 %${clear}views: a.csv: 3 rows\n${clear}warning: views: b.csv\n`,
    );
  });
});

describe("the hash of a large file", () => {
  it("should end with what ends the run, not as a file that cannot be read", async () => {
    const file = { path: import.meta.filename, hostPath: "/d/a.csv" };
    const stopped = new Error("Ctrl-C");
    const hashed = hashFile(file, () => {
      throw stopped;
    });
    await expect(hashed).rejects.toBe(stopped);
  });
});
