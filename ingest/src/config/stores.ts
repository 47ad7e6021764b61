/** S3 in `pipeline.yaml`: the stores beside the stack's own, and paths that lead to one of their buckets. */
import { nearestName } from "../read/nearest.ts";
import type { ObjectPath } from "./paths.ts";
import type { Entry, YamlReader } from "./yaml.ts";

/** The bucket of the stack's own store that providers put files into, as paths name it: see `../buckets.ts`. */
export const landingBucket = "landing";

/** An S3 service and a login there. */
export interface StoreEntry {
  /** Its key below `stores`. */
  readonly name: string;
  /** `http(s)://host[:port]` */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** The buckets whose paths mean this store. */
  readonly buckets: readonly string[];
}

const storeKeys = ["endpoint", "region", "access_key", "secret_key", "buckets"] as const;
const usualRegion = "us-east-1";

/** Faults are told; the answer is not used then. */
export function readStores(yaml: YamlReader, entry: Entry): StoreEntry[] {
  const owners = new Map([[landingBucket, "the stack itself"]]);
  const expected = "an object {name of a store: {endpoint, access_key, secret_key, buckets}}";
  return [...yaml.members(entry, expected)].map(([name, store]) => readStore(yaml, name, store, owners));
}

/** `owners` says which store has a bucket already; this one's are added. */
function readStore(yaml: YamlReader, name: string, entry: Entry, owners: Map<string, string>): StoreEntry {
  const members = yaml.members(entry, `an object with ${storeKeys.join(", ")}`);
  for (const [key, member] of members)
    if (!storeKeys.some((known) => known === key)) yaml.unknown(member, key, storeKeys);
  const need = (key: (typeof storeKeys)[number]) => {
    const member = members.get(key);
    if (!member && members.size > 0) yaml.fault(entry, `expected the key '${key}'`);
    return member;
  };
  const [endpoint, accessKey, secretKey] = [need("endpoint"), need("access_key"), need("secret_key")];
  const [buckets, region] = [need("buckets"), members.get("region")];
  return Object.freeze({
    name,
    endpoint: (endpoint && readEndpoint(yaml, endpoint)) ?? "",
    region: (region && yaml.text(region, "a region such as eu-central-1")) ?? usualRegion,
    accessKey: (accessKey && yaml.secret(accessKey)) ?? "",
    secretKey: (secretKey && yaml.secret(secretKey)) ?? "",
    buckets: Object.freeze(buckets ? readBuckets(yaml, name, buckets, owners) : []),
  });
}

function readEndpoint(yaml: YamlReader, entry: Entry): string | undefined {
  const expected = "an address such as https://s3.example.com, without a path";
  const text = yaml.text(entry, expected);
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  const isPlain = url && /^https?:$/.test(url.protocol) && `${url.origin}/` === url.href;
  // A password in the address is not repeated.
  if (!isPlain) yaml.fault(entry, `expected ${expected}${url?.password ? "" : `, found '${text}'`}`);
  return url?.origin;
}

function readBuckets(yaml: YamlReader, store: string, entry: Entry, owners: Map<string, string>): string[] {
  const expected = "the names of buckets";
  return yaml.elements(entry, expected).flatMap((item) => {
    const bucket = yaml.text(item, expected);
    if (bucket === undefined) return [];
    const owner = owners.get(bucket);
    if (!isBucketName(bucket)) yaml.fault(item, `expected ${expected}, found '${bucket}'`);
    else if (owner) yaml.fault(item, `the bucket '${bucket}' belongs to ${owner} already`);
    owners.set(bucket, `stores.${store}`);
    return [bucket];
  });
}

const isBucketName = (text: string) => /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(text);

/** Any path with a scheme: a local one never has `://`. */
export const isLocation = (path: string) => /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(path);

/** `s3://bucket/key`; the key is taken as it is written. Undefined, and a fault, if it leads to no known bucket. */
export function readObjectPath(
  yaml: YamlReader,
  entry: Entry,
  text: string,
  stores: readonly StoreEntry[],
): ObjectPath | undefined {
  const [, bucket, key = ""] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(text) ?? [];
  if (bucket === undefined) {
    yaml.fault(entry, `expected a local path or s3://BUCKET/FOLDER/, found '${text}'`);
    return undefined;
  }
  const known = [landingBucket, ...stores.flatMap(({ buckets }) => buckets)];
  if (known.includes(bucket)) return Object.freeze({ kind: "s3", path: text, bucket, key });
  const nearest = nearestName(bucket, known);
  const next = nearest ? `did you mean ${nearest}?` : `add ${bucket} to the 'buckets' of a store`;
  yaml.fault(entry, `expected ${landingBucket} or a bucket of 'stores', found '${bucket}': ${next}`);
  return undefined;
}
