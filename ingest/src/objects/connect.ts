/** The way to an S3 service, for all that is read from one and written to one: one kind of client and of time limit. */
import { createReadStream } from "node:fs";
import http from "node:http";
import https from "node:https";
import { Client } from "minio";

export interface ServiceLogin {
  /** `http(s)://host[:port]` */
  endpoint: string;
  region: string;
  accessKey: string;
  secretKey: string;
}

export interface Service {
  client: Client;
  /** Puts a local file of `byteCount` bytes. Nothing is visible before the last byte arrived. */
  putFile(bucket: string, key: string, file: string, byteCount: number, onBytes?: OnBytes): Promise<void>;
  /** What `work` answers; throws the reason of `signal` as soon as it is aborted, and then ends all connections. */
  interruptible<T>(work: Promise<T>, signal: AbortSignal): Promise<T>;
}

/** Hears several times a second how many bytes are sent, or about to be. */
export type OnBytes = (bytes: number) => void;

const tellingIntervalMs = 200;

/** A larger object is sent in parts; minio-js holds each of them in memory. */
const partBytes = 16 * 1_048_576;

/** `silenceMs`: how long no byte may move, so that no size is too large. minio-js has no time limits of its own. */
export function connectService(
  { endpoint, region, accessKey, secretKey }: ServiceLogin,
  silenceMs: number,
): Service {
  const url = new URL(endpoint);
  const useSSL = url.protocol === "https:";
  const transport = useSSL ? https : http;
  // As Node's own agent: a connection that nobody used for seconds may be dead by now.
  const agent = new transport.Agent({ keepAlive: true, scheduling: "lifo", timeout: 5000 });
  const client = new Client({
    // Of IPv6 without the brackets.
    endPoint: url.hostname.replace(/^\[|]$/g, ""),
    port: Number(url.port || (useSSL ? 443 : 80)),
    ...{ useSSL, accessKey, secretKey, region, partSize: partBytes },
    transport: impatient(transport, silenceMs),
    transportAgent: agent,
    // It would repeat requests without a word, also those whose content was sent already.
    retryOptions: { disableRetry: true },
  });
  return {
    client,
    async putFile(bucket, key, file, byteCount, onBytes) {
      if (byteCount > partBytes) await removeUnfinished(client, bucket, key);
      const content = createReadStream(file, { end: Math.max(0, byteCount - 1) });
      // minio-js does not listen to it when it sends parts.
      const unreadable = new Promise<never>((_, fail) => content.once("error", fail));
      // A listener of its data would take what minio-js is to read.
      const telling = setInterval(() => onBytes?.(content.bytesRead), tellingIntervalMs);
      try {
        // The size is passed on: without it the client buffers 550 MB (minio-js 8).
        await Promise.race([client.putObject(bucket, key, content, byteCount), unreadable]);
      } finally {
        clearInterval(telling);
      }
    },
    async interruptible(work, signal) {
      const end = Promise.withResolvers<never>();
      const interrupt = () => {
        end.reject(signal.reason);
        // Else the open connections keep the process alive.
        agent.destroy();
      };
      signal.addEventListener("abort", interrupt);
      if (signal.aborted) interrupt();
      try {
        return await Promise.race([work, end.promise]);
      } finally {
        signal.removeEventListener("abort", interrupt);
      }
    },
  };
}

/** minio-js would go on with the parts of an upload that was interrupted, and mistakes one for another. */
async function removeUnfinished(client: Client, bucket: string, key: string): Promise<void> {
  const id = await client.findUploadId(bucket, key);
  if (id === undefined) return;
  await client.abortMultipartUpload(bucket, key, id);
  await removeUnfinished(client, bucket, key);
}

type Transport = Pick<typeof http, "request">;

/** Ends a connection that is silent: one that stays open would keep the process from its end. */
function impatient(transport: Transport, silenceMs: number): Transport {
  const request = (options: http.RequestOptions, onResponse?: (answer: http.IncomingMessage) => void) => {
    const sent = transport.request({ ...options, timeout: silenceMs }, onResponse);
    let broken: { destroy(error: Error): unknown } = sent;
    // From then on, its reader is the one who waits.
    sent.on("response", (answer) => (broken = answer));
    return sent.on("timeout", () => broken.destroy(new Error(`no answer within ${silenceMs / 1000} s`)));
  };
  return { request: request as Transport["request"] };
}
