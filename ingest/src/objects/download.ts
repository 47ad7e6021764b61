/** One object on its way into a local file. */
import { createWriteStream } from "node:fs";
import type { IncomingMessage } from "node:http";
import { addAbortSignal } from "node:stream";
import { pipeline } from "node:stream/promises";
import { inputError, ReelhouseError } from "../errors.ts";
import type { ListedObject } from "./bucket.ts";

/**
 * Writes the answer to a GET into `file`. It is one version of the object, whole or cut off: it is compared with the
 * listing before and after. Throws an input error (exit 3) if it is another one, and what broke otherwise.
 */
export async function receive(
  object: ListedObject,
  answer: IncomingMessage,
  file: string,
  { signal, onBytes }: { signal: AbortSignal; onBytes: ((bytes: number) => void) | undefined },
): Promise<void> {
  const target = createWriteStream(file);
  let byteCount = 0;
  answer.on("data", ({ length }: Buffer) => {
    byteCount += length;
    onBytes?.(byteCount);
  });
  try {
    const etag = answer.headers.etag?.replace(/^W\//, "").replaceAll('"', "");
    if (etag !== object.etag) throw changed(object, "another version");
    // Ends the wait for the service too; a pipeline's own signal does not.
    addAbortSignal(signal, answer);
    await pipeline(answer, target);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof ReelhouseError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    const said = code === "ECONNRESET" ? "the connection broke" : message;
    const progress = `after ${byteCount} of ${object.byteCount} bytes`;
    throw Object.assign(new Error(`${said} ${progress}`, { cause }), { code });
  } finally {
    target.destroy();
    answer.destroy();
  }
  if (byteCount !== object.byteCount) throw changed(object, `${byteCount} bytes`);
}

const changed = ({ hostPath, byteCount }: ListedObject, found: string) =>
  inputError(`changed while it was read: ${found}`, {
    file: hostPath,
    expected: `the ${byteCount} bytes that were listed`,
    next: "run again when the provider has finished writing it",
  });
