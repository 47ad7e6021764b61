/** The contract of a new source, as a file for people to correct. */
import { Document, type Node, Scalar, YAMLMap, YAMLSeq } from "yaml";
import type { FormatName } from "../read/formats.ts";
import { counted, oneLine, type ProposedColumn } from "./propose.ts";

export interface NewSource {
  readonly name: string;
  readonly format: FormatName;
  /** The file's own name, without its folder. */
  readonly fileName: string;
  readonly rowCount: number;
  readonly columns: readonly ProposedColumn[];
}

export function contractText({ name, format, fileName, rowCount, columns }: NewSource): string {
  const document = new Document({ key: name, format });
  document.commentBefore = [
    ` Proposed from the first ${counted(rowCount)} rows of ${oneLine(fileName)}: correct what the data cannot know.`,
    " A delivery without a required column is held back. Types and ranges are what the staging model starts from;",
    " bronze keeps every value as the text that it is.",
  ].join("\n");
  const list = new YAMLSeq();
  for (const column of columns) list.add(columnNode(document, column));
  document.set("columns", list);
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

function columnNode(
  document: Document,
  { bronzeName, required, type, range, evidence }: ProposedColumn,
): Node {
  const node = new YAMLMap();
  node.flow = true;
  node.commentBefore = ` ${evidence}`;
  const name = new Scalar(bronzeName);
  // Plain, a name with a sign that is no text could not be read again.
  if (!/^[\p{L}\p{N}_ ]+$/u.test(bronzeName)) name.type = "QUOTE_DOUBLE";
  node.set("name", name);
  node.set("required", required);
  node.set("type", type);
  if (range) {
    const bounds = document.createNode([range.least, range.greatest].map((bound) => boundOf(type, bound)));
    bounds.flow = true;
    node.set("range", bounds);
  }
  return node;
}

function boundOf(type: ProposedColumn["type"], bound: string): bigint | number | string {
  if (type === "bigint") return BigInt(bound);
  return type === "double" ? Number(bound) : bound;
}
