/** The same checkout builds the same images: every version is written down exactly. */
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { firstGroups, listFiles, readText } from "./repository.ts";

const dockerfiles = listFiles().filter((path) => basename(path) === "Dockerfile");

/** The instructions of a Dockerfile, each on one line, without comments. */
function instructions(path: string): string[] {
  return readText(path)
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll("\\\n", " ")
    .split("\n");
}

/** The words after `tool` up to the end of its command, without options and folders. */
function wordsOf(path: string, tool: RegExp): string[] {
  return instructions(path)
    .flatMap((line) => line.split(/&&|;/))
    .flatMap((command) => firstGroups(command, new RegExp(`${tool.source}\\s(.*)`, "g")))
    .flatMap((words) => words.trim().split(/\s+/))
    .map((word) => word.replaceAll(/["']/g, ""))
    .filter((word) => !/^[-/]/.test(word));
}

/** A number, or a build argument, whose own value is checked below. */
const exact = String.raw`(v?\d[\w.+-]*|\$\{\w+_VERSION\})`;

describe("npm packages", () => {
  const { dependencies, devDependencies, overrides } = JSON.parse(readText("package.json"));

  it.each(Object.entries<string>({ ...dependencies, ...devDependencies }))(
    "should be exact: %s %s",
    (_, version) => {
      expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
    },
  );

  it("should be overridden by exact versions or by the project's own", () => {
    for (const version of Object.values(overrides ?? {}))
      expect(version).toMatch(/^(\$[\w@/-]+|\d+\.\d+\.\d+)$/);
  });
});

describe("Python packages", () => {
  const requirements = (path: string) => firstGroups(readText(path), /^([A-Za-z][^#\s;]*)/gm);

  it.each(["dbt_project", "superset", "test/iceberg"])(
    "should be exact in %s/requirements.txt, and the same in requirements.lock",
    (folder) => {
      const wanted = requirements(`${folder}/requirements.txt`);
      const locked = requirements(`${folder}/requirements.lock`);
      for (const requirement of [...wanted, ...locked])
        expect(requirement).toMatch(/^[\w.-]+(\[[\w,-]+\])?==\d[\w.]*$/);
      const unlocked = wanted
        .map((name) => name.replace(/\[.*\]/, ""))
        .filter((name) => !locked.includes(name));
      expect(unlocked).toEqual([]);
    },
  );
});

describe.each(dockerfiles)("%s", (path) => {
  it("should start from Debian or from the project's own image", () => {
    for (const image of firstGroups(readText(path), /^FROM (\S+)/gm)) {
      expect(image).toMatch(/^(debian:(trixie|bookworm)-slim|\$\{IMAGE_PREFIX\}\/[a-z]+)$/);
    }
  });

  it("should set every version argument exactly", () => {
    for (const value of firstGroups(readText(path), /^ARG \w+_VERSION=?(.*)$/gm))
      expect(value).toMatch(/^v?\d[\w.-]*$/);
  });

  it("should install exact versions from npm, PyPI, Go and Maven", () => {
    for (const word of wordsOf(path, /npm install/)) expect(word).toMatch(new RegExp(`@${exact}$`));
    // With hashes, the file that they are in says which versions.
    for (const word of wordsOf(path, /pip install(?!.*--require-hashes)/))
      expect(word).toMatch(new RegExp(`==${exact}$`));
    for (const word of wordsOf(path, /go install/).filter((word) => word.includes("/"))) {
      expect(word).toMatch(new RegExp(`@${exact}$`));
    }
    for (const artifact of firstGroups(readText(path), /-Dartifact="?([^"\s]+)/g)) {
      expect(artifact).toMatch(new RegExp(`^[^:]+:[^:]+:${exact}(:|$)`));
    }
    for (const plugin of firstGroups(readText(path), /(\S+-plugin:\S+)/g)) {
      expect(plugin).toMatch(new RegExp(`-plugin:${exact}:`));
    }
  });
});

it("should try clients of the release that the server has", () => {
  const release = (path: string) => firstGroups(readText(path), /^ARG TRINO_VERSION=(.*)$/gm);
  expect(release("test/Dockerfile")).toEqual(release("trino/Dockerfile"));
  expect(release("test/Dockerfile")).toHaveLength(1);
});
