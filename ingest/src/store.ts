/** Objects on the S3 store. Nothing but plain S3 calls, so that any S3 service will do. */
import { createReadStream, statSync } from "node:fs";
import { Client } from "minio";
import { serviceError } from "./errors.ts";
import type { StoreKeys } from "./settings.ts";

export interface Store {
  /** Puts a local file. Nothing is visible before the last byte arrived. */
  putFile(bucket: string, key: string, file: string): Promise<void>;
  putBytes(bucket: string, key: string, bytes: Buffer): Promise<void>;
  getText(bucket: string, key: string): Promise<string>;
  /** Gets an object into a local file. */
  getFile(bucket: string, key: string, file: string): Promise<void>;
  /** The metadata of an object in lower-case names, or undefined when there is no such object. */
  metadataOf(bucket: string, key: string): Promise<Record<string, string> | undefined>;
}

/** minio-js has no time limits of its own. */
const requestTimeoutMs = 30_000;
/** Of a download, whose size is not known before. */
const transferTimeoutMs = 30 * 60_000;
/** A slower upload is a stalled one. */
const leastBytesPerMs = 100;

/** `endpoint`: http://host:port */
export function connectStore(endpoint: string, keys: StoreKeys): Store {
  const url = new URL(endpoint);
  const client = new Client({
    endPoint: url.hostname,
    port: Number(url.port || (url.protocol === "https:" ? 443 : 80)),
    useSSL: url.protocol === "https:",
    accessKey: keys.accessKey,
    secretKey: keys.secretKey,
    region: "us-east-1",
  });
  const told = async <T>(operation: string, work: Promise<T>, timeoutMs = requestTimeoutMs): Promise<T> => {
    try {
      return await within(timeoutMs, work);
    } catch (cause) {
      throw serviceError("minio", operation, cause);
    }
  };
  return {
    async putFile(bucket, key, file) {
      // The size is passed on: without it the client buffers 550 MB (minio-js 8).
      const { size } = statSync(file);
      const upload = client.putObject(bucket, key, createReadStream(file), size);
      await told(`put ${bucket}/${key}`, upload, requestTimeoutMs + size / leastBytesPerMs);
    },
    async putBytes(bucket, key, bytes) {
      await told(`put ${bucket}/${key}`, client.putObject(bucket, key, bytes));
    },
    async getText(bucket, key) {
      const stream = await told(`get ${bucket}/${key}`, client.getObject(bucket, key));
      const chunks = await told(`get ${bucket}/${key}`, stream.toArray());
      return Buffer.concat(chunks).toString("utf8");
    },
    async getFile(bucket, key, file) {
      await told(`get ${bucket}/${key}`, client.fGetObject(bucket, key, file), transferTimeoutMs);
    },
    async metadataOf(bucket, key) {
      try {
        return (await within(requestTimeoutMs, client.statObject(bucket, key))).metaData;
      } catch (cause) {
        if ((cause as { code?: string }).code === "NotFound") return undefined;
        throw serviceError("minio", `look up ${bucket}/${key}`, cause);
      }
    },
  };
}

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new Error(`no answer within ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  try {
    return await Promise.race([work, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** `s3://bucket/some/key` as its two parts. */
export function splitLocation(location: string): { bucket: string; key: string } {
  const match = /^s3a?:\/\/([^/]+)\/(.+)$/.exec(location);
  if (!match?.[1] || !match[2]) throw new Error(`expected s3://bucket/key, found ${location}`);
  return { bucket: match[1], key: match[2] };
}
