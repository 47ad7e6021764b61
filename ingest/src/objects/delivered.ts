/** What a source's paths lead to, on the host and on S3 stores. */
import { stackBuckets } from "../buckets.ts";
import { expandPath } from "../config/paths.ts";
import { landingBucket, type StoreEntry } from "../config/stores.ts";
import type { Source } from "../config.ts";
import type { SourceFile } from "../read/record.ts";
import type { Settings, StoreKeys } from "../settings.ts";
import { type Bucket, type BucketLogin, connectBucket, type ListedObject } from "./bucket.ts";
import { expandObjects } from "./expand.ts";

/** The connection to each bucket that a path may name. */
export type Buckets = (bucket: string) => Bucket;

export type Delivered = SourceFile | ListedObject;

/** The stack's own login for `landing`, as the user whose keys these are. */
export const landingLogin = ({ store }: Settings, keys: StoreKeys): BucketLogin => ({
  bucket: landingBucket,
  nameThere: stackBuckets.landing,
  endpoint: store.endpoint,
  region: store.region,
  ...keys,
  store: undefined,
});

/** `landing` and the buckets of the `stores` of `pipeline.yaml`. Nothing is sent before it is needed. */
export function connectBuckets(settings: Settings, stores: readonly StoreEntry[]): Buckets {
  const logins: BucketLogin[] = [
    landingLogin(settings, settings.store.ingest),
    ...stores.flatMap(({ name, buckets, ...login }) =>
      buckets.map((bucket) => ({ ...login, bucket, store: name })),
    ),
  ];
  const connections = new Map(
    logins.map((login) => [login.bucket, connectBucket(login, settings.silenceMs)]),
  );
  return (bucket) => {
    const connection = connections.get(bucket);
    if (connection === undefined) throw new Error(`${bucket}: not a bucket that pipeline.yaml may name`);
    return connection;
  };
}

/**
 * The deliveries of a source: path by path as configured, those of a glob or a folder by name. `hostRoot` is where
 * this process sees the host's `/`. Throws an input error (exit 3) if a path leads to none.
 */
export async function expandDeliveries(
  source: Source,
  { hostRoot, buckets }: { hostRoot: string; buckets: Buckets },
): Promise<Delivered[]> {
  const found = new Map<string, Delivered>();
  for (const path of source.paths) {
    const deliveries =
      path.kind === "s3"
        ? await expandObjects(path, source, buckets(path.bucket))
        : await expandPath(path, source, hostRoot);
    for (const delivery of deliveries) found.set(delivery.hostPath, delivery);
  }
  return [...found.values()];
}
