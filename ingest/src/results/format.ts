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
