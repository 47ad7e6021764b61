/** The objects that all backups of a folder share: each version of an object lies there once. */
import { createHash } from "node:crypto";
import { mkdir, readdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ListedObject } from "../objects/bucket.ts";
import type { Place } from "./folder.ts";

/** Which version of an object: the service gives it a new ETag with every write. */
type Version = Pick<ListedObject, "bucket" | "key" | "etag">;

const identityOf = ({ bucket, key, etag }: Version) =>
  createHash("sha256").update(`${bucket}/${key} ${etag}`).digest("hex").slice(0, 32);

/** Where an object lies, below the folder of all backups: named after the version and what it holds. */
export function objectPath(object: Version & { sha256: string }): string {
  const identity = identityOf(object);
  return join("objects", identity.slice(0, 2), `${identity}-${object.sha256}`);
}

/** What earlier backups have copied, those that were interrupted too. A name has some 100 bytes of memory. */
export class SharedObjects {
  readonly #path: string;
  readonly #hashes = new Map<string, string>();

  private constructor(path: string) {
    this.#path = path;
  }

  static async open({ path }: Place): Promise<SharedObjects> {
    const objects = new SharedObjects(path);
    for (let fold = 0; fold < 256; fold += 1) {
      const folder = join(path, "objects", fold.toString(16).padStart(2, "0"));
      await mkdir(folder, { recursive: true });
      for (const name of await readdir(folder)) {
        const [identity = "", sha256 = ""] = name.split("-");
        objects.#hashes.set(identity, sha256);
      }
    }
    return objects;
  }

  /** The hash of the object's content if its file is there, with all its bytes. */
  async find(object: ListedObject): Promise<string | undefined> {
    const sha256 = this.#hashes.get(identityOf(object));
    if (sha256 === undefined) return undefined;
    const { size } = await stat(join(this.#path, objectPath({ ...object, sha256 })));
    return size === object.byteCount ? sha256 : undefined;
  }

  /** Takes over a file that is whole. */
  async add(object: ListedObject, sha256: string, file: string): Promise<void> {
    await rename(file, join(this.#path, objectPath({ ...object, sha256 })));
    this.#hashes.set(identityOf(object), sha256);
  }
}
