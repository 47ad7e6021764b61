/** The objects that a path on an S3 store means. */
import { matchesGlob } from "node:path";
import { hasGlob, literalPart, noFileFound, type ObjectPath, wantedIn } from "../config/paths.ts";
import type { Source } from "../config.ts";
import { inputError } from "../errors.ts";
import type { Bucket, ListedObject } from "./bucket.ts";

/**
 * As for local files: an object; or a folder's own objects of the source's format; or all that fit a glob, by key. A
 * path that ends in a slash is always a folder. Throws an input error (exit 3) if the path leads to no object.
 */
export async function expandObjects(
  path: ObjectPath,
  source: Source,
  bucket: Bucket,
): Promise<ListedObject[]> {
  const found = await objectsOf(path, source, bucket);
  for (const object of found) requirePlainName(object);
  return found;
}

async function objectsOf(path: ObjectPath, source: Source, bucket: Bucket): Promise<ListedObject[]> {
  const { key } = path;
  if (key === "" || key.endsWith("/")) return ofFolder(await inFolder(key, bucket), path, source);
  if (hasGlob(key)) return ofGlob(path, source, bucket);
  const object = await bucket.find(key);
  if (object) return [object];
  const found = await inFolder(`${key}/`, bucket);
  if (found.length > 0) return ofFolder(found, path, source);
  throw inputError("no such object", {
    file: path.path,
    expected: "an object, or a folder of objects",
    next: `check the path in pipeline.yaml; ${path.path}* means all whose names begin so`,
  });
}

const inFolder = (prefix: string, bucket: Bucket) => bucket.list(prefix, { recursive: false });

function ofFolder(found: readonly ListedObject[], { path }: ObjectPath, source: Source): ListedObject[] {
  const isWanted = wantedIn(source);
  const wanted = found.filter(({ key }) => isWanted(key.slice(key.lastIndexOf("/") + 1)));
  if (wanted.length === 0) throw noFileFound(path, source, "folder");
  return wanted.sort(byKey);
}

async function ofGlob({ path, key }: ObjectPath, source: Source, bucket: Bucket): Promise<ListedObject[]> {
  const prefix = literalPart(key);
  // Folders below are listed only for a glob that goes there.
  const recursive = /[/\\]|\*\*/.test(key.slice(prefix.length));
  const found = await bucket.list(prefix, { recursive });
  const named = found.find((object) => object.key === key);
  if (named) return [named];
  const matching = found.filter((object) => matchesGlob(object.key, key));
  if (matching.length === 0) throw noFileFound(path, source, "glob");
  return matching.sort(byKey);
}

const byKey = (left: ListedObject, right: ListedObject) => (left.key < right.key ? -1 : 1);

/** Whoever may put objects chooses their names, and these end up on terminals. */
function requirePlainName({ bucket, hostPath }: ListedObject): void {
  if (!/\p{Cc}/u.test(hostPath)) return;
  throw inputError(`the name of an object has control characters: ${JSON.stringify(hostPath)}`, {
    file: `s3://${bucket}`,
    expected: "a name that can be shown",
    next: "have the object renamed, or name others in pipeline.yaml",
  });
}
