/** Objects on the S3 store. Nothing but plain S3 calls, so that any S3 service will do. */
import { statSync } from "node:fs";
import { serviceError, storeFullError } from "./errors.ts";
import { connectService } from "./objects/connect.ts";
import type { Settings, StoreUser } from "./settings.ts";

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

/** Throws a service error for whatever keeps an operation from its end, and for a store that falls silent. */
export function connectStore({ store, silenceMs }: Settings, role: StoreUser): Store {
  const login = { endpoint: store.endpoint, region: "us-east-1", ...store[role] };
  const { client, putFile } = connectService(login, silenceMs);
  const told = async <T>(operation: string, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (cause) {
      throw storeError(operation, cause);
    }
  };
  return {
    async putFile(bucket, key, file) {
      await told(`put ${bucket}/${key}`, putFile(bucket, key, file, statSync(file).size));
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
      await told(`get ${bucket}/${key}`, client.fGetObject(bucket, key, file));
    },
    async metadataOf(bucket, key) {
      try {
        return (await client.statObject(bucket, key)).metaData;
      } catch (cause) {
        if ((cause as { code?: string }).code === "NotFound") return undefined;
        throw storeError(`look up ${bucket}/${key}`, cause);
      }
    },
  };
}

const storeError = (operation: string, cause: unknown) =>
  (cause as { code?: string }).code === "XMinioStorageFull"
    ? storeFullError(`minio: ${operation}`, cause)
    : serviceError("minio", operation, cause);

/** `s3://bucket/some/key` as its two parts. */
export function splitLocation(location: string): { bucket: string; key: string } {
  const match = /^s3a?:\/\/([^/]+)\/(.+)$/.exec(location);
  if (!match?.[1] || !match[2]) throw new Error(`expected s3://bucket/key, found ${location}`);
  return { bucket: match[1], key: match[2] };
}
