/** A batch that is interrupted, and one whose file changes. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLoader, type Loader } from "../fixtures/load.ts";

let loader: Loader;
beforeEach(async () => {
  loader = await createLoader();
});
afterEach(() => loader.close());

/** Three parts, rejects among them. */
const line = (row: number) => (row % 5000 === 0 ? `short ${row}` : `film ${row} of many,"a, b",2001`);
const content = `a,b,c\n${Array.from({ length: 560_000 }, (_, index) => line(index + 1)).join("\n")}\n`;

describe("a batch", () => {
  it("should be completed by a second attempt, whichever operation of the first one failed", async () => {
    const done: string[] = [];
    loader.store.before = (operation) => void done.push(operation);
    const { batch } = await loader.load("csv", content);
    expect(batch.rows).toHaveLength(3);
    expect(done).toHaveLength(9); // of each object a look-up and an upload, and the original
    for (let failing = 1; failing <= done.length; failing++) {
      loader.store.metadata.clear();
      let count = 0;
      loader.store.before = () => {
        if (++count === failing) throw new Error("the store went away");
      };
      await expect(loader.load("csv", content)).rejects.toThrow("the store went away");
      expect(await loader.leftovers()).toEqual([]);
      const stored = [...loader.store.metadata.keys()].filter((key) => !key.startsWith("originals/"));
      const puts: string[] = [];
      loader.store.before = (operation) => void puts.push(operation);
      expect((await loader.load("csv", content)).batch).toEqual(batch);
      for (const key of stored)
        expect(puts, `overwritten after failure ${failing}`).not.toContain(`put ${key}`);
    }
  });

  it("should be refused when an object of it has another number of rows", async () => {
    const { batch } = await loader.load("csv", "a,b\n1,2\n");
    const [key = ""] = batch.rows.map((location) => location.replace("s3://bronze/", ""));
    loader.store.metadata.set(key, { "row-count": "2" });
    await expect(loader.load("csv", "a,b\n1,2\n")).rejects.toMatchObject({
      exitCode: 1,
      message: `bronze/${key}: an earlier release read 2 rows from the same file, this one 1`,
    });
  });

  it("should be refused when its file changes, and leave no object of the changed one", async () => {
    const puts: string[] = [];
    loader.store.before = (operation) => {
      puts.push(operation);
      if (operation.startsWith("put originals/")) appendFileSync(join(loader.folder, "films.csv"), "x");
    };
    await expect(loader.load("csv", "a,b\n1,2\nshort\n")).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining("changed while it was read"),
    });
    expect(puts.filter((operation) => operation.startsWith("put quarantine/"))).toEqual([]);
  });
});
