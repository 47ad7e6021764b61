/** Which objects a version of a table consists of, as its metadata and its lists of files say. */
import { atMost } from "../limit.ts";
import type { Snapshot } from "../publish/metadata.ts";
import { splitLocation, type UpkeepStore } from "../store.ts";
import { type AvroRecord, readAvro } from "./avro.ts";

/** `bucket/key`: a location's spelling may differ (`s3`, `s3a`), the object is the same. */
export type ObjectName = string;

export function objectName(location: string): ObjectName {
  const { bucket, key } = splitLocation(location);
  return `${bucket}/${key}`;
}

/** One file of a snapshot. */
export interface TableFile {
  name: ObjectName;
  byteCount: number;
  /** Says which rows of other files do not count. */
  isDeletes: boolean;
  /** Files of one partition can become one file. */
  partition: string;
}

const deleted = 2;
/** A store is asked by others too. */
const readsAtOnce = 16;

/** Reads each list of files once: snapshots share most of theirs. */
export class FileLists {
  readonly #store: Pick<UpkeepStore, "getBytes">;
  readonly #turn = atMost(readsAtOnce);
  readonly #lists = new Map<ObjectName, Promise<string[]>>();
  readonly #manifests = new Map<ObjectName, Promise<TableFile[]>>();

  constructor(store: Pick<UpkeepStore, "getBytes">) {
    this.#store = store;
  }

  /** The manifests of a snapshot by their locations. */
  manifests(manifestList: string): Promise<string[]> {
    return remember(this.#lists, objectName(manifestList), async () =>
      (await this.#read(manifestList)).map(({ manifest_path }) => String(manifest_path)),
    );
  }

  /** The files that a manifest adds or carries on; those that it takes out are none of its snapshot's. */
  files(manifest: string): Promise<TableFile[]> {
    return remember(this.#manifests, objectName(manifest), async () =>
      (await this.#read(manifest)).filter(({ status }) => status !== deleted).map(fileOf),
    );
  }

  async #read(location: string): Promise<AvroRecord[]> {
    const { bucket, key } = splitLocation(location);
    const bytes = await this.#turn(() => this.#store.getBytes(bucket, key));
    try {
      return readAvro(bytes);
    } catch (cause) {
      throw new Error(`read ${location}: ${(cause as Error).message}`, { cause });
    }
  }
}

function remember<T>(
  known: Map<ObjectName, Promise<T>>,
  name: ObjectName,
  read: () => Promise<T>,
): Promise<T> {
  const answer = known.get(name) ?? read();
  known.set(name, answer);
  return answer;
}

function fileOf(entry: AvroRecord): TableFile {
  const file = entry.data_file as AvroRecord;
  return {
    name: objectName(String(file.file_path)),
    byteCount: Number(file.file_size_in_bytes),
    isDeletes: (file.content ?? 0) !== 0,
    partition: JSON.stringify(file.partition, (_key, value) =>
      typeof value === "bigint" ? String(value) : value,
    ),
  };
}

/** The files of a snapshot, without its lists. */
export async function filesOf(lists: FileLists, snapshot: Snapshot): Promise<TableFile[]> {
  if (snapshot["manifest-list"] === undefined)
    throw new Error("a snapshot of Iceberg 1.0 without a manifest list");
  const manifests = await lists.manifests(snapshot["manifest-list"]);
  return (await Promise.all(manifests.map((manifest) => lists.files(manifest)))).flat();
}

/** Every object that reading a snapshot needs: its list, its manifests, its files. */
export async function objectsOf(lists: FileLists, snapshot: Snapshot): Promise<ObjectName[]> {
  const manifestList = snapshot["manifest-list"] ?? "";
  const files = await filesOf(lists, snapshot);
  const manifests = await lists.manifests(manifestList);
  return [manifestList, ...manifests].map(objectName).concat(files.map(({ name }) => name));
}
