/** One object on its way into a local file. */
import { createWriteStream } from "node:fs";
import type { IncomingMessage } from "node:http";
import { addAbortSignal } from "node:stream";
import { pipeline } from "node:stream/promises";
import { inputError } from "../errors.ts";
import type { ListedObject } from "./bucket.ts";

/**
 * Writes the answer to a GET into `file`. It is one version of the object, whole or cut off: it is compared with the
 * listing before and after. Throws an input error (exit 3) if it is another one, and what broke otherwise.
 */
export async function receive(
  object: ListedObject,
  answer: IncomingMessage,
  file: string,
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
): Promise<void> {
  const target = createWriteStream(file);
  let byteCount = 0;
  const progress = () => `after ${byteCount} of ${object.byteCount} bytes`;
  try {
    const etag = answer.headers.etag?.replace(/^W\//, "").replaceAll('"', "");
    if (etag !== object.etag) throw changed(object, "another version");
    // Ends the wait for the service too; a pipeline's own signal does not.
    addAbortSignal(signal, answer);
    const stalled = () => answer.destroy(new Error(`no byte within ${timeoutMs / 1000} s, ${progress()}`));
    const pieces = unstalled(answer, { timeoutMs, stalled }, (length) => {
      byteCount += length;
    });
    await pipeline(pieces, target);
  } catch (cause) {
    signal.throwIfAborted();
    if ((cause as { code?: string }).code !== "ECONNRESET") throw cause;
    throw new Error(`the connection broke ${progress()}`, { cause });
  } finally {
    target.destroy();
    answer.destroy();
  }
  if (byteCount !== object.byteCount) throw changed(object, `${byteCount} bytes`);
}

/** Only the wait for the service is timed, not that for the local disk. */
async function* unstalled(
  answer: IncomingMessage,
  { timeoutMs, stalled }: { timeoutMs: number; stalled: () => void },
  onPiece: (byteCount: number) => void,
) {
  let timer = setTimeout(stalled, timeoutMs);
  try {
    for await (const piece of answer) {
      clearTimeout(timer);
      onPiece(piece.length);
      yield piece as Buffer;
      timer = setTimeout(stalled, timeoutMs);
    }
  } finally {
    clearTimeout(timer);
  }
}

const changed = ({ hostPath, byteCount }: ListedObject, found: string) =>
  inputError(`changed while it was read: ${found}`, {
    file: hostPath,
    expected: `the ${byteCount} bytes that were listed`,
    next: "run again when the provider has finished writing it",
  });
