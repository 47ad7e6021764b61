/** The pages tell the truth: what they name exists, and the codes that a user meets are on them. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import type { Command } from "../../ingest/src/command.ts";
import { commands } from "../../ingest/src/commands/index.ts";
import { exitCode } from "../../ingest/src/errors.ts";
import {
  documentedCommands,
  firstGroups,
  listFiles,
  listPages,
  projectFolder,
  readPage,
  readText,
} from "./repository.ts";

const pages = listPages();
const scripts = readdirSync(join(projectFolder, "scripts")).filter((name) => name !== "lib");
/** Those that it takes from its caller: as it says itself, and as it tells them apart. Its programs have others. */
function optionsOfScript(name: string): string[] {
  const script = readText(`scripts/${name}`);
  const usages = firstGroups(script, /^usage\(\) \{\n([\s\S]*?)^\}/gm);
  const lines = firstGroups(script, /([Uu]sage: .*)/g);
  const labels = firstGroups(script, /^\s*((?:\S+ \| )*--[^\s)]+(?: \| \S+)*)\)/gm);
  return [...usages, ...lines, ...labels].flatMap((text) => firstGroups(text, /(--[a-z-]+)/g));
}
const loaded = new Map<string, Command>();
for (const [name, load] of Object.entries(commands)) loaded.set(name, await load());
const optionsOf = (name: string) => {
  const command = loaded.get(name);
  return command && [...Object.keys(command.options), "help"].map((option) => `--${option}`);
};

/** `reelhouse NAME ...` as it stands in code, without what is in quotes. */
function namedCommands(code: string[]): { name: string; options: string[] }[] {
  return code.flatMap((line) => {
    const bare = line.replaceAll(/"[^"]*"?|'[^']*'/g, "");
    return [...bare.matchAll(/(?:^|[\s/(])reelhouse ([a-z][a-z-]*)([^|;&#]*)/g)].map(
      ([, name = "", rest = ""]) => ({
        name,
        options: firstGroups(rest, /(?:^|\s)(--[a-z-]+)/g),
      }),
    );
  });
}

function namedScripts(code: string[]): { name: string; options: string[] }[] {
  return code.flatMap((line) =>
    [...line.matchAll(/(?:^|[\s./(])scripts\/([a-z-]+)(?![a-z/-])([^|;&#"]*)/g)].map(
      ([, name = "", rest = ""]) => ({
        name,
        options: name === "reelhouse" ? [] : firstGroups(rest, /(?:^|\s)(--[a-z-]+)/g),
      }),
    ),
  );
}

describe.each(pages)("$path", ({ path, text, code, inlineCode, links }) => {
  it("should name commands and options that the CLI has", () => {
    for (const { name, options } of namedCommands(code)) {
      const known = optionsOf(name);
      expect(known, `reelhouse ${name}`).toBeDefined();
      for (const option of options) expect(known, `reelhouse ${name} ${option}`).toContain(option);
    }
  });

  it("should name scripts that can be run, and options that they know", () => {
    for (const { name, options } of namedScripts(code)) {
      const file = join(projectFolder, "scripts", name);
      expect(existsSync(file) && (statSync(file).mode & 0o111) !== 0, `scripts/${name}`).toBe(true);
      for (const option of options) expect(optionsOfScript(name), `${name} ${option}`).toContain(option);
    }
  });

  it("should name no option on its own that neither the CLI nor a script has", () => {
    const ofCommands = Object.keys(commands).flatMap((name) => optionsOf(name) ?? []);
    const ofScripts = scripts.flatMap(optionsOfScript);
    const options = inlineCode.flatMap((words) => firstGroups(words, /^(--[a-z-]+)/g));
    expect(options.filter((option) => ![...ofCommands, ...ofScripts].includes(option))).toEqual([]);
  });

  it("should link to files and headings that exist", () => {
    for (const link of links.filter((target) => !/^[a-z]+:/.test(target))) {
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : relative("/", join("/", dirname(path), file));
      expect(existsSync(join(projectFolder, target)), link).toBe(true);
      if (anchor !== undefined) expect(readPage(target).anchors, link).toContain(anchor);
    }
  });

  it("should name source files that exist", () => {
    const ofSources = /^(catalog|dbt_project|docs|ingest|scripts|store|superset|test|trino)\/[\w./-]+\.\w+$/;
    const named = inlineCode.filter((code) => ofSources.test(code));
    expect(named.filter((file) => !existsSync(join(projectFolder, file)))).toEqual([]);
  });

  it("should name no exit code that the CLI does not have", () => {
    const named = firstGroups(text, /\bexits? (?:code )?`?(\d+)/gi);
    expect(named.filter((code) => !Object.values<number>(exitCode).includes(Number(code)))).toEqual([]);
  });
});

describe("every page", () => {
  const linked = new Set(
    pages.flatMap(({ path, links }) => links.map((link) => join(dirname(path), link.replace(/#.*/, "")))),
  );
  it.each(pages.filter(({ path }) => path.startsWith("docs/")))(
    "should be found from another one: $path",
    ({ path }) => {
      expect([...linked]).toContain(path);
    },
  );
});

describe("commands that change or bring back what is published", () => {
  const pages = ["publish-and-undo", "branches", "time-travel", "maintenance", "backup", "erasure"];
  const sources = listFiles("test/stack").map(readText).join("\n");
  const run = new Set(
    [...sources.matchAll(/\bdocumented\(\s*(?:'([^']*)'|"([^"]*)"|`([^`]*)`)/g)].map(
      ([, ...spellings]) => spellings.find((text) => text !== undefined) ?? "",
    ),
  );

  it.each(pages)("should be run by a stack test as docs/%s.md has them", (page) => {
    const commands = documentedCommands().filter((one) => one.page === `docs/${page}.md`);
    expect(commands.length).toBeGreaterThan(0);
    expect(commands.map(({ command }) => command).filter((command) => !run.has(command))).toEqual([]);
  });
});

describe("codes", () => {
  it.each(["README.md", "docs/when-something-fails.md"])(
    "should all be in the table of exit codes of %s",
    (path) => {
      const [table = ""] = firstGroups(readText(path), /^\| exit code .*\n\|[ |-]*\n((?:\|.*\n)+)/gm);
      const told = firstGroups(table, /^\| `?(\d+)`? \|/gm).map(Number);
      expect(told).toEqual(Object.values(exitCode));
    },
  );

  it("should be explained: reasons of dbt", () => {
    const { inlineCode } = readPage("docs/what-happens-to-a-row.md");
    const allowed = firstGroups(readText("dbt_project/tests/only_documented_codes.sql"), /\bin \(([^)]*)\)/g);
    const codes = allowed.flatMap((list) => firstGroups(list, /'(\w+)'/g));
    expect(codes.length).toBeGreaterThan(0);
    expect(codes.filter((code) => !inlineCode.includes(code))).toEqual([]);
  });

  it("should be explained: reasons of the quarantine", () => {
    const { inlineCode } = readPage("docs/load-your-files.md");
    const [union = ""] = firstGroups(readText("ingest/src/read/record.ts"), /type RejectReason =([^;]*);/g);
    const codes = firstGroups(union, /"(\w+)"/g);
    expect(codes.length).toBeGreaterThan(0);
    expect(codes.filter((code) => !inlineCode.includes(code))).toEqual([]);
  });
});

describe("settings and users", () => {
  it("should be explained: each line of .env.example", () => {
    const { inlineCode } = readPage("docs/operate.md");
    const settings = firstGroups(readText(".env.example"), /^(\w+)=/gm);
    expect(settings.filter((name) => !inlineCode.includes(name))).toEqual([]);
  });

  it("should be explained: each user of Trino and each volume of secrets", () => {
    const { inlineCode } = readPage("docs/security.md");
    const users = firstGroups(
      readText("trino/etc/access-rules.json"),
      /"(?:user|group)": "([^"]+)"/g,
    ).flatMap((names) => names.split("|"));
    const volumes = firstGroups(readText("docker-compose.yml"), /^ {2}(secrets-\w+):$/gm);
    expect([...new Set([...users, ...volumes])].filter((name) => !inlineCode.includes(name))).toEqual([]);
  });
});
