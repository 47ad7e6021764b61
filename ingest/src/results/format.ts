/** What a format of query results is, and how large results are cut for those that are written in parts. */
import { stringifyExactly } from "../json.ts";
import type { Cell, Table } from "../trino.ts";

export type Pages = AsyncIterable<Table>;

/** How `reelhouse sql` prints a result. */
export interface ResultFormat {
  /** Asked before a statement runs: bytes that no terminal can show are not sent to one. */
  isBinary: boolean;
  /** Called once per result; gives it in pieces, as its pages come. */
  encode(pages: Pages): AsyncGenerator<string | Uint8Array>;
}

/** How `reelhouse export` writes a table; the format's own name is the ending of the file. */
export interface FileFormat {
  /** What a person calls such a file, for messages. */
  title: string;
  /** Called once per table; the pieces are the file from its first byte to its last. */
  encode(pages: Pages): AsyncGenerator<string | Uint8Array>;
}

export const cellText = (cell: Cell): string =>
  typeof cell === "object" && cell !== null ? stringifyExactly(cell) : String(cell);

/** Whichever comes first ends a part; both together bound what is held in memory. */
const partRows = 50_000;
const partCharacters = 16_000_000;

/** The pages in parts of a useful size. At least one part comes, so that a result without rows has its columns too. */
export async function* inParts(pages: Pages): AsyncGenerator<Table> {
  const part: Table = { columns: [], rows: [] };
  let characters = 0;
  let isFirst = true;
  for await (const { columns, rows } of pages) {
    if (columns.length > 0) part.columns = columns;
    for (const row of rows) {
      part.rows.push(row);
      characters += charactersOf(row);
      if (part.rows.length < partRows && characters < partCharacters) continue;
      yield { ...part };
      part.rows = [];
      characters = 0;
      isFirst = false;
    }
  }
  if (isFirst || part.rows.length > 0) yield part;
}

/** About the room that a cell takes, numbers included. */
function charactersOf(cell: Cell): number {
  if (typeof cell === "string") return cell.length;
  if (typeof cell !== "object" || cell === null) return 8;
  return Object.values(cell).reduce<number>((sum, member) => sum + charactersOf(member), 8);
}
