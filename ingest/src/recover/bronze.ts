/** Where the tables of bronze are, found out from the object store alone: each by its newest metadata file. */
import type { Bucket } from "../objects/bucket.ts";
import type { TableMetadata, TableVersion } from "../publish/metadata.ts";
import { readMetadata } from "../publish/publish.ts";
import type { Store } from "../store.ts";

export interface MetadataFile {
  /** s3://... */
  location: string;
  modifiedAt: Date;
}

/** `s3://bronze/tables/bronze/critic_agg-<uuid>/metadata/00003-<uuid>.metadata.json` */
const metadataPattern =
  /^(?<directory>.*\/bronze\/(?<table>[^/]+)-[0-9a-f]{32})\/metadata\/(?<version>\d+)-[^/]*\.metadata\.json$/;

/**
 * The files of each table that may be its newest, by the table's name. A copied store has times of its own, and upkeep
 * that was killed has left higher numbers than what came after it: so the newest by both, and `newestVersion` decides.
 */
export function candidates(files: readonly MetadataFile[], mostOfEach = 20): Map<string, string[]> {
  const parsed = files.flatMap((file) => {
    const groups = metadataPattern.exec(file.location)?.groups;
    return groups ? [{ ...file, table: groups.table as string, version: Number(groups.version) }] : [];
  });
  return new Map(
    [...Map.groupBy(parsed, ({ table }) => table)].map(([table, own]) => {
      const byTime = own.toSorted((one, other) => other.modifiedAt.getTime() - one.modifiedAt.getTime());
      const byVersion = own.toSorted((one, other) => other.version - one.version);
      const newest = [...byTime.slice(0, mostOfEach), ...byVersion.slice(0, mostOfEach)];
      return [table, [...new Set(newest.map(({ location }) => location))]];
    }),
  );
}

/** The version that was written last. Bronze is written by one run at a time, so no other one has what this lacks. */
export function newestVersion(versions: readonly TableVersion[]): TableVersion | undefined {
  return versions.toSorted(
    (one, other) => other.metadata["last-updated-ms"] - one.metadata["last-updated-ms"],
  )[0];
}

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

export async function bronzePointers(store: Store, bronze: Bucket): Promise<Pointer[]> {
  const files = await bronze.list("tables/", { recursive: true });
  const named = files.map(({ hostPath, modifiedAt }) => ({ location: hostPath, modifiedAt }));
  const pointers: Pointer[] = [];
  for (const [table, locations] of candidates(named)) {
    const versions = await Promise.all(
      locations.map(async (location) => ({ location, metadata: await readMetadata(store, location) })),
    );
    const newest = newestVersion(versions);
    if (newest) pointers.push(pointerTo(table, newest));
  }
  return pointers;
}
