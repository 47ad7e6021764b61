import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expandPaths, loadPipeline } from "../../ingest/src/config.ts";

/** Stands for the mount of the host's `/` in a container. */
let hostRoot: string;
beforeAll(async () => {
  hostRoot = await mkdtemp(join(tmpdir(), "reelhouse-host-"));
  const files = [
    "b.csv",
    "a.csv",
    "C.CSV",
    "x.json",
    ".hidden.csv",
    "deep/a.csv",
    "[x]q.csv",
    "xq.csv",
    "2024/a.csv",
  ];
  for (const file of files.map((name) => join(hostRoot, "me/[films]/in", name))) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, "");
  }
  await mkdir(join(hostRoot, "me/[films]/in/folder.csv"));
  await mkdir(join(hostRoot, "me/[films]/empty"));
  await mkdir(join(hostRoot, "me/[films]/[y]"));
  await writeFile(join(hostRoot, "me/[films]/[y]/a.csv"), "");
  await mkdir(join(hostRoot, "me/[films]/links"));
  await symlink("nowhere", join(hostRoot, "me/[films]/links/lost.csv"));
  await symlink("in/a.csv", join(hostRoot, "me/[films]/link.csv"));
});
afterAll(() => rm(hostRoot, { recursive: true }));

async function expand(paths: string[], format = "csv"): Promise<string[]> {
  const text = `source: {critic_agg: {path: ${JSON.stringify(paths)}, format: ${format}}}`;
  const [source] = loadPipeline(text, { file: "pipeline.yaml", baseFolder: "/me/[films]", env: {} }).sources;
  const files = await expandPaths(source ?? expect.fail("no source"), hostRoot);
  for (const { path, hostPath } of files) expect(path).toBe(hostRoot + hostPath);
  return files.map(({ hostPath }) => hostPath.replace("/me/[films]/", ""));
}

describe("expandPaths", () => {
  it.each([
    { what: "a file", paths: ["in/b.csv"], files: ["in/b.csv"] },
    { what: "an absolute path", paths: ["/me/[films]/in/b.csv"], files: ["in/b.csv"] },
    { what: "a link", paths: ["link.csv"], files: ["link.csv"] },
    {
      what: "a glob, sorted, without folders",
      paths: ["in/*.csv"],
      files: ["in/[x]q.csv", "in/a.csv", "in/b.csv", "in/xq.csv"],
    },
    {
      what: "a glob over folders",
      paths: ["in/**/a.csv"],
      files: ["in/2024/a.csv", "in/a.csv", "in/deep/a.csv"],
    },
    {
      what: "a glob with braces and a parent",
      paths: ["in/../{in,empty}/[ab].csv"],
      files: ["in/a.csv", "in/b.csv"],
    },
    { what: "a name that looks like a glob", paths: ["in/[x]q.csv"], files: ["in/[x]q.csv"] },
    { what: "a link that leads nowhere, in a folder", paths: ["links"], files: ["links/lost.csv"] },
    { what: "a link that leads nowhere, by a glob", paths: ["l*/*"], files: ["links/lost.csv"] },
    { what: "a folder whose name looks like a glob", paths: ["[y]"], files: ["[y]/a.csv"] },
    {
      what: "a folder, only its own files of the format",
      paths: ["in"],
      files: ["in/C.CSV", "in/[x]q.csv", "in/a.csv", "in/b.csv", "in/xq.csv"],
    },
    { what: "a folder of another format", paths: ["in/"], format: "json", files: ["in/x.json"] },
    {
      what: "several, in their order and each once",
      paths: ["in/b.csv", "in/[ab].csv"],
      files: ["in/b.csv", "in/a.csv"],
    },
  ])("should list $what", async ({ paths, format, files }) => {
    expect(await expand(paths, format)).toEqual(files);
  });

  it.each([
    { path: "in/nothing.csv", message: "/me/[films]/in/nothing.csv: no such file: expected a readable file" },
    { path: "in/a.csv/b.csv", message: "/me/[films]/in/a.csv/b.csv: no such file: expected a readable file" },
    {
      path: "in/*.tsv",
      message:
        "/me/[films]/in/*.tsv: no file found for source critic_agg: expected a file that fits the glob",
    },
    {
      path: "empty",
      message:
        "/me/[films]/empty: no file found for source critic_agg: expected files *.csv or *.tsv in the folder",
    },
  ])("should refuse $path", async ({ path, message }) => {
    await expect(expand([path])).rejects.toMatchObject({ message, exitCode: 3, next: expect.any(String) });
  });
});
