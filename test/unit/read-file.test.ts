import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { csv } from "../../ingest/src/read/csv.ts";
import { json } from "../../ingest/src/read/json.ts";
import { unreadable } from "../../ingest/src/read/open.ts";
import { createCollector } from "../fixtures/collector.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reelhouse-test-"));
});
afterAll(() => rm(folder, { recursive: true }));

const fileNamed = (name: string) => ({ path: join(folder, name), hostPath: `/data/${name}` });

describe("a file that cannot be read", () => {
  it("should be refused if it is missing, a folder or a pipe", async () => {
    await mkdir(join(folder, "folder"));
    await symlink("nowhere", join(folder, "link"));
    await promisify(execFile)("mkfifo", [join(folder, "pipe")]);
    const refusals = {
      missing: "no such file",
      link: "no such file",
      folder: "a folder",
      pipe: "a pipe or a device",
    };
    for (const [name, message] of Object.entries(refusals)) {
      for (const format of [csv, json]) {
        await expect(format.columns(fileNamed(name))).rejects.toMatchObject({
          message: `/data/${name}: ${message}: expected a readable file`,
          exitCode: 3,
          next: expect.any(String),
        });
      }
    }
  });

  it("should be refused without permission", () => {
    // told from the answer, as nothing is forbidden to the user that runs tests in a container
    expect(unreadable("/data/a.csv", { code: "EACCES" })).toMatchObject({
      message: "/data/a.csv: permission denied: expected a readable file",
      exitCode: 3,
    });
  });
});

describe("a file that changes between its two readings", () => {
  it.each(["b,a\n1,2\n", "a,b,c\n", "\n\n"])("should be refused as csv: %j", async (changed) => {
    await writeFile(join(folder, "changing.csv"), "a,b\n1,2\n");
    const columns = await csv.columns(fileNamed("changing.csv"));
    await writeFile(join(folder, "changing.csv"), changed);
    const read = csv.records(fileNamed("changing.csv"), columns, createCollector().sink);
    await expect(read).rejects.toThrow("/data/changing.csv: has changed while it was read, another header");
  });

  it("should be refused as json", async () => {
    await writeFile(join(folder, "changing.json"), '[{"a": 1}]');
    const columns = await json.columns(fileNamed("changing.json"));
    await writeFile(join(folder, "changing.json"), '[{"b": 1}]');
    const read = json.records(fileNamed("changing.json"), columns, createCollector().sink);
    await expect(read).rejects.toThrow("/data/changing.json: has changed while it was read, new key b");
  });
});
