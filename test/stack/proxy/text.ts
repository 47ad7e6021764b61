/** What is said in bytes that come in chunks. */
import { constants, gunzipSync } from "node:zlib";

/** Finds a text, also where it begins in one chunk and ends in another. */
export class Finder {
  readonly #text: Buffer;
  #tail: Buffer = Buffer.alloc(0);

  constructor(text: string) {
    this.#text = Buffer.from(text);
  }

  /** Where in `chunk` the text begins (negative: in an earlier one), or undefined. */
  find(chunk: Buffer): number | undefined {
    const seen = Buffer.concat([this.#tail, chunk]);
    const index = seen.indexOf(this.#text);
    const found = index < 0 ? undefined : index - this.#tail.length;
    this.#tail = seen.subarray(Math.max(0, seen.length - Math.max(0, this.#text.length - 1)));
    return found;
  }
}

/** The body of an HTTP answer, unpacked, as far as it has come. */
export function bodyText(answer: Buffer): string {
  const end = answer.indexOf("\r\n\r\n");
  if (end < 0) return "";
  const body = answer.subarray(end + 4);
  const isPacked = /^content-encoding: gzip\r?$/im.test(answer.toString("latin1", 0, end));
  return (isPacked ? gunzipSync(body, { finishFlush: constants.Z_SYNC_FLUSH }) : body).toString();
}
