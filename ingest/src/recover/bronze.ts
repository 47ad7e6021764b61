/** Where the tables of bronze are, found out from the object store: what was published, and what loads added to it. */
import type { Bucket } from "../objects/bucket.ts";
import { currentSnapshotId, type TableMetadata, type TableVersion } from "../publish/metadata.ts";
import { readMetadata } from "../publish/publish.ts";
import type { TrinoUser } from "../settings.ts";
import type { Store } from "../store.ts";

/** `s3://bronze/tables/bronze/critic_agg-<uuid>/metadata/00003-<uuid>.metadata.json` */
const metadataPattern =
  /^(?<directory>.*\/bronze\/(?<table>[^/]+)-[0-9a-f]{32})\/metadata\/(?<version>\d+)-[^/]*\.metadata\.json$/;

interface MetadataFile {
  location: string;
  directory: string;
  table: string;
  version: number;
}

function metadataFile(location: string): MetadataFile | undefined {
  const groups = metadataPattern.exec(location)?.groups;
  if (groups === undefined) return undefined;
  const { directory = "", table = "", version } = groups;
  return { location, directory, table, version: Number(version) };
}

/**
 * By the table's name, the files that may come after what is `published` of it, the highest number first: each version
 * has the number after that of the one before it. Two have one number where a commit was lost.
 */
export function candidates(
  locations: readonly string[],
  published: ReadonlyMap<string, string>,
): Map<string, string[][]> {
  const files = locations.flatMap((location) => metadataFile(location) ?? []);
  return new Map(
    [...Map.groupBy(files, ({ table }) => table)].map(([table, own]) => {
      const base = metadataFile(published.get(table) ?? "");
      const following = own.filter(
        ({ directory, version }) => !base || (directory === base.directory && version > base.version),
      );
      const byVersion = [...Map.groupBy(following, ({ version }) => version)];
      const newestFirst = byVersion.toSorted(([one], [other]) => other - one);
      return [table, newestFirst.map(([, same]) => same.map(({ location }) => location))];
    }),
  );
}

const upkeepUser: TrinoUser = "maintenance";

/**
 * Whether loads alone made this version from what was published (undefined: nothing was, or it was collected). Upkeep and
 * erasure write beside it: on a fork as a user of their own, then a file with less history; without their publication
 * they never happened.
 */
export function isByLoads(metadata: TableMetadata, published: TableMetadata | undefined): boolean {
  const known = snapshotsOf(published);
  const own = snapshotsOf(metadata);
  if ([...known.keys()].some((id) => !own.has(id))) return false;
  const current = String(currentSnapshotId(metadata));
  if (known.has(current)) return true;
  const { trino_user: user, operation } = own.get(current)?.summary ?? {};
  // Trino names no user where it adds files, as loads do, and where it rewrites lists of files, which they never do.
  return user !== upkeepUser && operation !== "replace";
}

const snapshotsOf = (metadata: TableMetadata | undefined) =>
  new Map(metadata?.snapshots?.map((snapshot) => [String(snapshot["snapshot-id"]), snapshot]));

/** A row of iceberg.iceberg_tables, as a manifest has it: without the name of the catalog. */
export interface Pointer {
  table_namespace: string;
  table_name: string;
  metadata_location: string;
  previous_metadata_location: string | null;
  iceberg_type: string | null;
}

export const pointerTo = (table: string, { location, metadata }: TableVersion): Pointer => ({
  table_namespace: "bronze",
  table_name: table,
  metadata_location: location,
  previous_metadata_location: previousOf(metadata),
  iceberg_type: "TABLE",
});

const previousOf = (metadata: TableMetadata) => metadata["metadata-log"]?.at(-1)?.["metadata-file"] ?? null;

/** `published`: the pointers of the newest publication. */
export async function bronzePointers(
  store: Pick<Store, "getText">,
  bronze: Pick<Bucket, "list">,
  published: readonly Pointer[],
): Promise<Pointer[]> {
  const bases = new Map(published.map((pointer) => [pointer.table_name, pointer]));
  const listed = await bronze.list("tables/", { recursive: true });
  const there = new Set(listed.map(({ hostPath }) => hostPath));
  const locations = new Map([...bases].map(([table, base]) => [table, base.metadata_location]));
  const following = candidates([...there], locations);
  const pointers: Pointer[] = [];
  for (const table of new Set([...bases.keys(), ...following.keys()])) {
    const base = bases.get(table);
    const baseIsThere = base !== undefined && there.has(base.metadata_location);
    const known = baseIsThere ? await readMetadata(store, base.metadata_location) : undefined;
    const newest = await newestByLoads(store, following.get(table) ?? [], known);
    const pointer = newest ? pointerTo(table, newest) : base;
    if (pointer) pointers.push(pointer);
  }
  return pointers;
}

async function newestByLoads(
  store: Pick<Store, "getText">,
  newestFirst: readonly (readonly string[])[],
  published: TableMetadata | undefined,
): Promise<TableVersion | undefined> {
  for (const locations of newestFirst) {
    const versions = await Promise.all(
      locations.map(async (location) => ({ location, metadata: await readMetadata(store, location) })),
    );
    const [newest] = versions
      .filter(({ metadata }) => isByLoads(metadata, published))
      .sort((one, other) => other.metadata["last-updated-ms"] - one.metadata["last-updated-ms"]);
    if (newest) return newest;
  }
  return undefined;
}
