/** The entry of a new source in the text of a `pipeline.yaml`; everything else of the text stays as it is. */
import { isDeepStrictEqual } from "node:util";
import {
  Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  parse,
  parseDocument,
  type YAMLMap,
} from "yaml";
import { usageError } from "../errors.ts";
import type { Inspection } from "./inspect.ts";

export type PipelineEntry = string | Readonly<Record<string, string | boolean>>;

const wholeLines = { lineWidth: 0 } as const;

/** What `pipeline.yaml` has to say about the file. `format`: only where the file's name does not tell. */
export function entryOf(
  path: string,
  format: string | undefined,
  { delimiter, quoteEscape, encoding }: Inspection["options"],
): PipelineEntry {
  const options = {
    ...(format === undefined ? {} : { format }),
    ...(delimiter === undefined ? {} : { delimiter: delimiter === "\t" ? "tab" : delimiter }),
    ...(quoteEscape === undefined ? {} : { escape: quoteEscape }),
    ...(encoding === undefined ? {} : { encoding }),
  };
  // `${` would be the begin of a variable.
  const written = path.replaceAll("${", () => "$${");
  return Object.keys(options).length === 0 ? written : { path: written, ...options };
}

/** The text with the entry as the last one of `source`. Throws exit 2 where that is no place for it. */
export function withEntry(text: string, name: string, entry: PipelineEntry): string {
  const before = parse(text, { uniqueKeys: false });
  const wanted = { ...before, source: { ...before.source, [name]: entry } };
  const inserted = insertedAsLines(text, name, entry);
  if (inserted !== undefined && isDeepStrictEqual(parsed(inserted), wanted)) return inserted;
  // In one line, with an alias, or otherwise not as lines: values, order and comments stay, blanks may not.
  const document = parseDocument(text);
  if (!isMap(document.get("source")))
    throw usageError(
      "pipeline.yaml: 'source' is an alias",
      "write its entries out below 'source', then run again",
    );
  document.setIn(["source", name], document.createNode(entry));
  return document.toString(wholeLines);
}

function parsed(text: string): unknown {
  try {
    return parse(text, { uniqueKeys: false });
  } catch {
    return undefined;
  }
}

/** Behind the line of the last value; undefined if `source` is not written as lines. */
function insertedAsLines(text: string, name: string, entry: PipelineEntry): string | undefined {
  const source = parseDocument(text).get("source");
  if (!isMap(source) || source.flow || source.items.length === 0) return undefined;
  const column = columnOf(text, source);
  const end = endOfLine(text, lastOffset(source));
  const lineBreak = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = new Document({ [name]: entry }).toString(wholeLines).trimEnd().split("\n");
  const added = lines.map((line) => " ".repeat(column) + line + lineBreak).join("");
  const head = text.slice(0, end);
  return head + (head.endsWith("\n") ? "" : lineBreak) + added + text.slice(end);
}

function columnOf(text: string, { items: [first] }: YAMLMap): number {
  const key = first?.key as Node | undefined;
  const offset = key?.range?.[0] ?? 0;
  return offset - (text.lastIndexOf("\n", offset - 1) + 1);
}

/** Behind the last sign of a node that is written, without the comment that follows. */
function lastOffset(node: unknown): number {
  if (isPair(node)) return Math.max(lastOffset(node.key), lastOffset(node.value));
  if ((isMap(node) || isSeq(node)) && !node.flow) return Math.max(...node.items.map(lastOffset));
  const range = (node as Node | null)?.range;
  // An empty value ends where the next thing begins.
  return isScalar(node) && node.value === null ? (range?.[0] ?? 0) : (range?.[1] ?? 0);
}

function endOfLine(text: string, offset: number): number {
  if (text[offset - 1] === "\n") return offset;
  const end = text.indexOf("\n", offset);
  return end < 0 ? text.length : end + 1;
}
