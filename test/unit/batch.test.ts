/** A batch that is interrupted, and one whose file changes. */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLoader, fileOf, type Loader } from "../fixtures/load.ts";

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
    expect(done).toHaveLength(5); // three parts, the original and the rejects
    const bytes = () => batch.rows.map((location) => readFileSync(fileOf(loader.folder, location)));
    const first = bytes();
    for (let failing = 1; failing <= done.length; failing++) {
      let count = 0;
      loader.store.before = () => {
        if (++count === failing) throw new Error("the store went away");
      };
      await expect(loader.load("csv", content)).rejects.toThrow("the store went away");
      expect(await loader.leftovers()).toEqual([]);
      loader.store.before = () => {};
      expect((await loader.load("csv", content)).batch).toEqual(batch);
      expect(bytes().every((found, index) => found.equals(first[index] as Buffer))).toBe(true);
    }
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
