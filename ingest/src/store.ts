/** Objects on the S3 store. Nothing but plain S3 calls, so that any S3 service will do. */
import { statSync } from "node:fs";
import { serviceError, storeFullError } from "./errors.ts";
import { connectService, type OnBytes } from "./objects/connect.ts";
import type { Settings, StoreUser } from "./settings.ts";

export interface Store {
  /** Puts a local file. Nothing is visible before the last byte arrived. */
  putFile(bucket: string, key: string, file: string, upload?: Upload): Promise<void>;
  putBytes(bucket: string, key: string, bytes: Buffer): Promise<void>;
  getText(bucket: string, key: string): Promise<string>;
  /** Gets an object into a local file. */
  getFile(bucket: string, key: string, file: string): Promise<void>;
  /** The metadata of an object in lower-case names, or undefined when there is no such object. */
  metadataOf(bucket: string, key: string): Promise<Record<string, string> | undefined>;
}

/** For what takes long: how far it is, and what ends it with the signal's reason. */
export interface Upload {
  onBytes?: OnBytes | undefined;
  signal?: AbortSignal;
}

/** What upkeep needs besides. */
export interface UpkeepStore extends Store {
  getBytes(bucket: string, key: string): Promise<Buffer>;
  /** Every object whose key begins with `prefix`. */
  list(bucket: string, prefix: string): AsyncGenerator<StoredObject>;
  /** Every version of them, those that were replaced or deleted too. */
  listVersions(bucket: string, prefix: string): AsyncGenerator<StoredVersion>;
  /** Takes objects away; the store keeps what they were as an old version. Gone before: done. */
  remove(bucket: string, keys: readonly string[]): Promise<void>;
  /** Takes versions away for good. */
  removeVersions(bucket: string, versions: readonly StoredVersion[]): Promise<void>;
}

export interface StoredObject {
  key: string;
  byteCount: number;
  modifiedAt: Date;
}

export interface StoredVersion {
  key: string;
  versionId: string;
}

/** Throws a service error for whatever keeps an operation from its end, and for a store that falls silent. */
export function connectStore({ store, silenceMs }: Settings, role: StoreUser): UpkeepStore {
  const login = { endpoint: store.endpoint, region: store.region, ...store[role] };
  const { client, putFile, interruptible } = connectService(login, silenceMs);
  const told = async <T>(operation: string, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (cause) {
      throw storeError(operation, cause);
    }
  };
  const getBytes = async (bucket: string, key: string): Promise<Buffer> => {
    const stream = await told(`get ${bucket}/${key}`, client.getObject(bucket, key));
    return Buffer.concat(await told(`get ${bucket}/${key}`, stream.toArray()));
  };
  /** minio-js would ask for the next page with its key as the store spells it, which is not how one is asked for. */
  const versions = async function* (bucket: string, prefix: string) {
    const options = { Delimiter: "", MaxKeys: 1000, IncludeVersion: true };
    let from: { keyMarker: string; versionIdMarker: string } | undefined;
    do {
      const page = await client.listObjectsQuery(bucket, prefix, "", { ...options, ...from });
      yield* page.objects;
      const { isTruncated, keyMarker = "", versionIdMarker = "" } = page;
      from = isTruncated ? { keyMarker: asAsked(keyMarker), versionIdMarker } : undefined;
    } while (from);
  };
  const listed = async function* (place: string, items: AsyncIterable<unknown>) {
    try {
      for await (const item of items) {
        const { name, size, lastModified, versionId } = item as Listed;
        yield { key: name, byteCount: size, modifiedAt: lastModified, versionId };
      }
    } catch (cause) {
      throw storeError(`list ${place}`, cause);
    }
  };
  const removeAll = async (bucket: string, objects: string[] | { name: string; versionId: string }[]) => {
    if (objects.length === 0) return;
    const answers = await told(`remove objects of ${bucket}`, client.removeObjects(bucket, objects));
    const refusal = (answers as Refusal[]).find((answer) => answer?.Code !== undefined);
    if (refusal) throw storeError(`remove ${bucket}/${refusal.Key}`, new Error(refusal.Message));
  };
  return {
    getBytes,
    async putFile(bucket, key, file, { onBytes, signal = new AbortController().signal } = {}) {
      const sent = putFile(bucket, key, file, statSync(file).size, onBytes);
      const put = told(`put ${bucket}/${key}`, sent);
      await interruptible(put, signal);
    },
    async putBytes(bucket, key, bytes) {
      await told(`put ${bucket}/${key}`, client.putObject(bucket, key, bytes));
    },
    getText: async (bucket, key) => (await getBytes(bucket, key)).toString("utf8"),
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
    list: (bucket, prefix) => listed(`${bucket}/${prefix}`, client.listObjects(bucket, prefix, true)),
    listVersions: (bucket, prefix) => listed(`${bucket}/${prefix}`, versions(bucket, prefix)),
    remove: (bucket, keys) => removeAll(bucket, [...keys]),
    removeVersions: (bucket, versions) =>
      removeAll(
        bucket,
        versions.map(({ key, versionId }) => ({ name: key, versionId })),
      ),
  };
}

/** A key in the encoding of a listing, where slashes are as they are, in that of a request. */
const asAsked = (key: string) => encodeURIComponent(decodeURIComponent(key.replaceAll("+", " ")));

/** What minio-js answers, with more certainty than its types have. */
interface Listed {
  name: string;
  size: number;
  lastModified: Date;
  versionId: string;
}
/** Of one object; where all were removed there is none. */
type Refusal = { Code?: string; Key: string; Message: string } | undefined;

const storeError = (operation: string, cause: unknown) =>
  (cause as { code?: string }).code === "XMinioStorageFull"
    ? storeFullError(`store: ${operation}`, cause)
    : serviceError("store", operation, cause);

/** `s3://bucket/some/key` as its two parts. */
export function splitLocation(location: string): { bucket: string; key: string } {
  const match = /^s3a?:\/\/([^/]+)\/(.+)$/.exec(location);
  if (!match?.[1] || !match[2]) throw new Error(`expected s3://bucket/key, found ${location}`);
  return { bucket: match[1], key: match[2] };
}
