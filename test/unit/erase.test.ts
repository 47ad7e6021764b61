import { describe, expect, it } from "vitest";
import type { Context } from "../../ingest/src/command.ts";
import { erase } from "../../ingest/src/commands/erase.ts";
import { eraseRows, findRows } from "../../ingest/src/erase/rows.ts";
import { removeLeftovers, removeWhole } from "../../ingest/src/erase/versions.ts";
import type { StoredVersion, UpkeepStore } from "../../ingest/src/store.ts";
import type { Cell, TrinoSession } from "../../ingest/src/trino.ts";

describe("reelhouse erase", () => {
  const where = "movie_title = 'Parasite'";
  it.each([
    [[], { where, yes: true }, "expected a source and --where"],
    [["critic_agg"], { yes: true }, "expected a source and --where"],
    [["critic_agg"], { where: " ", yes: true }, "expected a source and --where"],
    [["critic_agg; x"], { where, yes: true }, "expected the name of a source's table in bronze"],
    [["critic_agg"], { where, text: " ", yes: true }, "--text: expected a text"],
    [["critic_agg"], { where }, "expected either --dry-run or --yes"],
    [["critic_agg"], { where, yes: true, "dry-run": true }, "expected either --dry-run or --yes"],
  ])("should begin nothing with the words %j %j", async (positionals, options, says) => {
    const running = Promise.resolve().then(() => erase.run({ positionals, options }, {} as Context));
    await expect(running).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(says) });
  });
});

/** Answers by the first pattern that the statement matches; remembers what it was asked. */
function fakeTrino(answers: [RegExp, Cell[][]][]) {
  const asked: string[] = [];
  const query = async (sql: string) => {
    asked.push(sql);
    return { columns: [], rows: answers.find(([pattern]) => pattern.test(sql))?.[1] ?? [] };
  };
  return { asked, trino: { query } as unknown as TrinoSession };
}

const selection = { sources: ["critic_agg"], where: "movie_title = 'O''Hara' OR true", text: "o'hara" };
const erasure = {
  batches: [{ source: "critic_agg", batchId: "ab", rows: 2, rejects: 1 }],
  objects: ["s3://bronze/rows/critic_agg/ab-000.parquet"],
};

/** The statements that change something, in short. */
const changesOf = (asked: string[]) =>
  asked
    .filter((sql) => !sql.trim().startsWith("SELECT"))
    .map((sql) => sql.trim().split(/\s+/).slice(0, 5).join(" "))
    .map((sql) => sql.replace(/ WHERE .*/, " WHERE"));

describe("rows that are to be erased", () => {
  it("should be counted by batch, with all objects that hold them", async () => {
    const { trino, asked } = fakeTrino([
      [/FROM bronze\."critic_agg"/, [["ab", 2, ["s3://bronze/rows/critic_agg/ab-000.parquet"]]]],
      [
        /FROM bronze\.quarantine/,
        [
          ["ab", 1, ["s3://bronze/quarantine/critic_agg/ab.parquet"]],
          ["cd", 3, ["s3://bronze/quarantine/critic_agg/ab.parquet"]],
        ],
      ],
    ]);
    expect(await findRows(trino, selection)).toEqual({
      batches: [
        { source: "critic_agg", batchId: "ab", rows: 2, rejects: 1 },
        { source: "critic_agg", batchId: "cd", rows: 0, rejects: 3 },
      ],
      objects: [
        "s3://bronze/originals/critic_agg/ab",
        "s3://bronze/originals/critic_agg/cd",
        "s3://bronze/quarantine/critic_agg/ab.parquet",
        "s3://bronze/rows/critic_agg/ab-000.parquet",
      ],
    });
    // A condition with OR stays one condition; a quote in a text is one.
    expect(asked[0]).toContain("WHERE (movie_title = 'O''Hara' OR true)");
    expect(asked[1]).toContain("lower('o''hara')");
  });

  it("should be gone from every file before anything is published", async () => {
    const { trino, asked } = fakeTrino([]);
    await eraseRows(trino, selection, erasure);
    const rewritten = (table: string) => [
      `DELETE FROM bronze."${table}" WHERE`,
      `ALTER TABLE bronze."${table}" EXECUTE optimize(file_size_threshold`,
      `ALTER TABLE bronze."${table}" EXECUTE optimize_manifests`,
    ];
    expect(changesOf(asked)).toEqual([
      ...rewritten("critic_agg"),
      ...rewritten("quarantine"),
      "MERGE INTO bronze.batches AS entry",
    ]);
    const still = fakeTrino([[/\$entries/, [[erasure.objects[0] as string]]]]);
    await expect(eraseRows(still.trino, selection, erasure)).rejects.toThrow(
      "s3://bronze/rows/critic_agg/ab-000.parquet is still part of bronze.critic_agg; nothing was changed",
    );
    const left = fakeTrino([[/count\(\*\)/, [["ab", 1, []]]]]);
    await expect(eraseRows(left.trino, selection, erasure)).rejects.toThrow(
      "1 batches still have rows that match",
    );
  });

  it("should be gone from the only list of files, too: Trino rewrites it beside a second one", async () => {
    const { trino, asked } = fakeTrino([]);
    const query = async (sql: string) => {
      const isNamed = sql.includes("$entries") && !asked.some((before) => before.startsWith("INSERT"));
      const answer = await trino.query(sql);
      return isNamed ? { ...answer, rows: [[erasure.objects[0] as string]] } : answer;
    };
    const rows = { ...selection, text: undefined };
    await eraseRows({ ...trino, query } as TrinoSession, rows, erasure);
    expect(changesOf(asked).slice(3)).toEqual([
      'INSERT INTO bronze."critic_agg" (_batch_id) VALUES',
      'ALTER TABLE bronze."critic_agg" EXECUTE optimize_manifests',
      'DELETE FROM bronze."critic_agg" WHERE',
      'ALTER TABLE bronze."critic_agg" EXECUTE optimize(file_size_threshold',
      "MERGE INTO bronze.batches AS entry",
    ]);
  });
});

describe("objects that held erased rows", () => {
  it("should be listed once each, though the erasure and the ledger name the same originals", async () => {
    const listed: string[] = [];
    const store: Pick<UpkeepStore, "listVersions" | "removeVersions"> = {
      async *listVersions(bucket, prefix) {
        listed.push(`${bucket}/${prefix}`);
        yield { key: prefix, versionId: "1" } as StoredVersion;
      },
      removeVersions: async () => undefined,
    };
    const original = "s3://bronze/originals/critics/ab";
    const locations = [original, "s3://bronze/rows/critics/ab-000.parquet", original];
    expect(await removeWhole(store as UpkeepStore, locations, new AbortController().signal)).toBe(2);
    expect(listed).toEqual(["bronze/originals/critics/ab", "bronze/rows/critics/ab-000.parquet"]);
  });
});

describe("what loads left that no table reads", () => {
  it("should go, of the sources that are erased from, but for what the ledger goes on with", async () => {
    const keys = [
      ...[
        "rows/critics/live-000.parquet",
        "rows/critics/refused-000.parquet",
        "rows/critics/written-000.parquet",
      ],
      ...["quarantine/critics/refused.parquet", "originals/critics/live", "originals/critics/refused"],
      ...["rows/critics_2/refused-000.parquet", "tables/bronze/critics-1/data/refused.parquet"],
    ];
    const removed: string[] = [];
    const store: Pick<UpkeepStore, "listVersions" | "removeVersions"> = {
      async *listVersions(_, prefix) {
        for (const key of keys) if (key.startsWith(prefix)) yield { key, versionId: "1" } as StoredVersion;
      },
      removeVersions: async (_, versions) => void removed.push(...versions.map(({ key }) => key)),
    };
    const kept = [
      "rows/critics/live-000.parquet",
      "rows/critics/written-000.parquet",
      "originals/critics/live",
    ];
    const count = await removeLeftovers(
      store as UpkeepStore,
      ["critics"],
      new Set(kept.map((key) => `bronze/${key}`)),
      new AbortController().signal,
    );
    expect(removed.sort()).toEqual(keys.filter((key) => /critics\/refused/.test(key)).sort());
    expect(count).toBe(3);
  });
});
