/** One bucket of an S3 service, with one login: list, download and upload. */
import type { IncomingMessage } from "node:http";
import { connectService, type ServiceLogin } from "./connect.ts";
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

export interface BucketLogin extends ServiceLogin {
  /** As locations name it. */
  bucket: string;
  /** As its store knows it, where that is another name. */
  nameThere?: string;
  /** Its name below `stores` of `pipeline.yaml`; undefined: the stack's own. */
  store: string | undefined;
}

/** Throws, if told nothing else, an input error (exit 3) for what is refused, a service error (exit 5) for no answer. */
export interface Bucket {
  /** All objects whose key begins with `prefix`, of its folders too if `recursive`; a few hundred bytes of memory each. */
  list(prefix: string, options: { recursive: boolean }): Promise<ListedObject[]>;
  /** The object of exactly this key. */
  find(key: string): Promise<ListedObject | undefined>;
  /** Whether any key begins with `prefix`; asks for one. */
  hasAny(prefix: string): Promise<boolean>;
  /** Writes what was listed into a local file. Throws an input error if the object is another one by now. */
  download(
    object: ListedObject,
    file: string,
    signal: AbortSignal,
    onBytes?: (bytes: number) => void,
  ): Promise<void>;
  /** Puts a local file of `byteCount` bytes. Nothing is visible before the last byte arrived. */
  upload(key: string, file: string, byteCount: number, signal: AbortSignal): Promise<void>;
}

const pageSize = 1000;

/** `silenceMs`: how long the service may leave a request or a transfer without a byte. */
export function connectBucket(login: BucketLogin, silenceMs: number): Bucket {
  const { bucket, nameThere = bucket } = login;
  const { client, putFile, interruptible } = connectService(login, silenceMs);
  const locationOf = (key: string) => `s3://${bucket}/${key}`;
  const told = <T>(operation: string, key: string, work: () => Promise<T>): Promise<T> =>
    work().catch((cause) => {
      throw faultOf(cause, { operation, location: locationOf(key), login });
    });

  const page = async (prefix: string, delimiter: string, size: number, token = "") => {
    const answer = await client.listObjectsV2Query(nameThere, prefix, token, delimiter, size, "");
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
    hasAny: (prefix) => told("list", prefix, async () => (await page(prefix, "", 1)).objects.length > 0),
    download: (object, file, signal, onBytes) =>
      told("download", object.key, async () => {
        const answer = await interruptible(client.getObject(nameThere, object.key), signal);
        await receive(object, answer as IncomingMessage, file, { signal, onBytes });
      }),
    upload: (key, file, byteCount, signal) =>
      told("upload", key, () => interruptible(putFile(nameThere, key, file, byteCount), signal)),
  };
}
