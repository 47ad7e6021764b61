/** The repository as the contract tests see it: its files, and what its Markdown pages say. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const projectFolder = resolve(import.meta.dirname, "../..");

export const readText = (path: string) => readFileSync(join(projectFolder, path), "utf8");

const foldersOfOthers = new Set([".git", "node_modules", "out", "target", "logs", "__pycache__"]);

/** Every file of the project by its path, without what is installed, generated or the user's own (`.env`). */
export function listFiles(folder = ""): string[] {
  return readdirSync(join(projectFolder, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return foldersOfOthers.has(entry.name) ? [] : listFiles(path);
    return entry.isFile() && entry.name !== ".env" ? [path] : [];
  });
}

export interface Page {
  path: string;
  text: string;
  /** Lines of code blocks and inline code, without the marks. */
  code: string[];
  /** Inline code alone. */
  inlineCode: string[];
  /** The targets of its links. */
  links: string[];
  /** The names by which `#...` reaches its headings. */
  anchors: string[];
}

/** The pages that a user reads. */
export function listPages(): Page[] {
  return listFiles()
    .filter((path) => path.endsWith(".md") && !path.startsWith("dbt_project/"))
    .map((path) => readPage(path));
}

export function readPage(path: string): Page {
  const text = readText(path);
  const fence = /^```[^\n]*\n([\s\S]*?)^```/gm;
  const blocks = [...text.matchAll(fence)].flatMap(([, block = ""]) => block.split("\n"));
  const prose = text.replaceAll(fence, "");
  const inlineCode = firstGroups(prose, /`([^`\n]+)`/g);
  return {
    path,
    text,
    code: [...blocks, ...inlineCode],
    inlineCode,
    links: firstGroups(prose.replaceAll(/`[^`\n]+`/g, ""), /\]\(([^)\s]+)\)/g),
    anchors: firstGroups(prose, /^#+ (.+)$/gm).map(anchorOf),
  };
}

export interface DocumentedCommand {
  page: string;
  /** What stands behind `./scripts/reelhouse`, in one line, without a comment or where its result goes. */
  command: string;
}

/** What a reader of docs/ copies: every command in a code block. */
export function documentedCommands(): DocumentedCommand[] {
  return listFiles("docs")
    .filter((path) => path.endsWith(".md"))
    .flatMap((page) => {
      const blocks = firstGroups(readText(page), /^```[^\n]*\n([\s\S]*?)^```/gm).join("\n");
      const commands = firstGroups(blocks, /\.\/scripts\/reelhouse ((?:"[^"]*"|[^"\n#<>)])*)/g);
      return commands.map((command) => ({ page, command: command.trim().replaceAll(/\s+/g, " ") }));
    });
}

export function firstGroups(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, group = ""]) => group);
}

/** As GitHub names a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}
