/** Commands as the pages have them: what they tell is what is run. test/contract/documentation.test.ts looks for each. */
import { documentedCommands } from "../contract/repository.ts";

const all = new Set(documentedCommands().map(({ command }) => command));

/**
 * The words behind `./scripts/reelhouse` of a command that stands in a code block of docs/, in one line. `instead`: what a
 * test has in the place of a page's own names. Throws where no page has the command.
 */
export function documented(command: string, instead: Record<string, string> = {}): string[] {
  if (!all.has(command)) throw new Error(`no page has the command: ./scripts/reelhouse ${command}`);
  const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
  const names = Object.entries(instead);
  return words.map((word) => names.reduce((text, [name, own]) => text.replaceAll(name, own), word));
}
