/** One bucket of an S3 service, with one login: list, download and upload, each with a time limit. */
import { createReadStream } from "node:fs";
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { Client } from "minio";
import { receive } from "./download.ts";
import { faultOf } from "./faults.ts";

/** An object as a listing tells it. */
export interface ListedObject {
  /** `s3://bucket/key`: as the user knows it. */
  readonly hostPath: string;
  readonly bucket: string;
  readonly key: string;
  readonly byteCount: number;
  /** Changes with every write: the service's hash of the content, without quotes. */
  readonly etag: string;
  readonly modifiedAt: Date;
}

export interface BucketLogin {
  bucket: string;
  /** `http(s)://host[:port]` */
  endpoint: string;
  region: string;
  accessKey: string;
  secretKey: string;
  /** Its name below `stores` of `pipeline.yaml`; undefined: the stack's own. */
  store: string | undefined;
}

/** Throws, if told nothing else, an input error (exit 3) for what is refused, a service error (exit 5) for no answer. */
export interface Bucket {
  /** All objects whose key begins with `prefix`, of its folders too if `recursive`; a few hundred bytes of memory each. */
  list(prefix: string, options: { recursive: boolean }): Promise<ListedObject[]>;
  /** The object of exactly this key. */
  find(key: string): Promise<ListedObject | undefined>;
  /** Writes what was listed into a local file. Throws an input error if the object is another one by now. */
  download(object: ListedObject, file: string, signal: AbortSignal): Promise<void>;
  /** Puts a local file of `byteCount` bytes, more than 0. Nothing is visible before the last byte arrived. */
  upload(key: string, file: string, byteCount: number, signal: AbortSignal): Promise<void>;
}

/** For an answer to begin, and for each further piece of a download. */
const usualTimeoutMs = 30_000;
/** A slower upload is a stalled one. */
const leastBytesPerMs = 100;
const pageSize = 1000;
/** minio-js sends a larger object in parts. */
const partBytes = 64 * 1_048_576;

export function connectBucket(login: BucketLogin, { timeoutMs = usualTimeoutMs } = {}): Bucket {
  const { bucket } = login;
  const { client, limited } = connect(login, timeoutMs);
  const locationOf = (key: string) => `s3://${bucket}/${key}`;
  const told = <T>(operation: string, key: string, work: () => Promise<T>): Promise<T> =>
    work().catch((cause) => {
      throw faultOf(cause, { operation, location: locationOf(key), login });
    });

  const page = async (prefix: string, delimiter: string, size: number, token = "") => {
    const answer = await limited(client.listObjectsV2Query(bucket, prefix, token, delimiter, size, ""));
    const objects = answer.objects.flatMap(({ name, size: byteCount, etag, lastModified }) => {
      // Without a name: a folder. With a slash at its end: the mark of an empty one.
      if (name === undefined || name.endsWith("/")) return [];
      // minio-js takes a key of digits alone for a number, `007` for 7: it would be another object.
      if (!name.startsWith(prefix)) throw new Error(`asked for ${prefix}, answered ${name}`);
      return [
        {
          hostPath: locationOf(name),
          bucket,
          key: name,
          byteCount,
          etag,
          modifiedAt: new Date(lastModified),
        },
      ];
    });
    return { objects, next: answer.isTruncated ? answer.nextContinuationToken : undefined };
  };

  /** minio-js would go on with the parts of an upload that was interrupted, and mistakes one for another. */
  const removeUnfinished = async (key: string): Promise<void> => {
    const id = await limited(client.findUploadId(bucket, key));
    if (id === undefined) return;
    await limited(client.abortMultipartUpload(bucket, key, id));
    await removeUnfinished(key);
  };

  return {
    list: (prefix, { recursive }) =>
      told("list", prefix, async () => {
        const found: ListedObject[] = [];
        for (let token: string | undefined = ""; token !== undefined; ) {
          const { objects, next } = await page(prefix, recursive ? "" : "/", pageSize, token);
          found.push(...objects);
          token = next;
        }
        return found;
      }),
    // By a listing, as S3 sorts the key itself before all that begin with it: HEAD has no words for what went wrong.
    find: (key) =>
      told("look up", key, async () => (await page(key, "", 1)).objects.find((object) => object.key === key)),
    download: (object, file, signal) =>
      told("download", object.key, async () => {
        const answer = await limited(client.getObject(bucket, object.key), { signal });
        await receive(object, answer as IncomingMessage, file, { signal, timeoutMs });
      }),
    upload: (key, file, byteCount, signal) =>
      told("upload", key, async () => {
        if (byteCount > partBytes) await removeUnfinished(key);
        const content = createReadStream(file, { end: byteCount - 1 });
        // minio-js does not listen to it when it sends parts.
        const unreadable = new Promise<never>((_, fail) => content.once("error", fail));
        const upload = Promise.race([client.putObject(bucket, key, content, byteCount), unreadable]);
        await limited(upload, { timeoutMs: timeoutMs + byteCount / leastBytesPerMs, signal });
      }),
  };
}

/** minio-js has no time limits, and repeats requests without a word unless told. */
function connect({ endpoint, region, accessKey, secretKey }: BucketLogin, usualMs: number) {
  const url = new URL(endpoint);
  const useSSL = url.protocol === "https:";
  // As Node's own agent: a connection that nobody used for seconds may be dead by now.
  const agent = new (useSSL ? https : http).Agent({ keepAlive: true, scheduling: "lifo", timeout: 5000 });
  const client = new Client({
    // Of IPv6 without the brackets.
    endPoint: url.hostname.replace(/^\[|]$/g, ""),
    port: Number(url.port || (useSSL ? 443 : 80)),
    useSSL,
    ...{ accessKey, secretKey, region },
    transportAgent: agent,
    retryOptions: { disableRetry: true },
  });
  const limited = async <T>(
    work: Promise<T>,
    { timeoutMs = usualMs, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<T> => {
    const end = Promise.withResolvers<never>();
    const giveUp = (reason: unknown) => {
      end.reject(reason);
      // Else the open connection keeps the process alive.
      agent.destroy();
    };
    const timer = setTimeout(() => giveUp(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    const interrupt = () => giveUp(signal?.reason);
    signal?.addEventListener("abort", interrupt);
    try {
      return await Promise.race([work, end.promise]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", interrupt);
    }
  };
  return { client, limited };
}
