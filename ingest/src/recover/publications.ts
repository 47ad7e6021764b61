/** What the object store has of publications, and how the catalog gets it back. */
import { stackBuckets } from "../buckets.ts";
import { connectCatalog } from "../catalog.ts";
import { exitCode, ReelhouseError } from "../errors.ts";
import type { Bucket } from "../objects/bucket.ts";
import { manifestPrefix } from "../publish/manifest.ts";
import type { Settings } from "../settings.ts";
import { type Store, splitLocation } from "../store.ts";
import type { Pointer } from "./bronze.ts";

/** A copy of a publication, and what is looked at before PostgreSQL takes all of it. */
export interface PublicationCopy {
  id: number;
  text: string;
  pointers: Pointer[];
  schemas: unknown[];
  /** Those that were not finished: rows of ledger.erasure without their number. */
  erasures: { batches: { source: string }[] }[];
}

/** Oldest first. */
export async function readManifests(
  store: Pick<Store, "getText">,
  warehouse: Pick<Bucket, "list">,
): Promise<PublicationCopy[]> {
  const listed = await warehouse.list(manifestPrefix, { recursive: true });
  const ids = listed.flatMap(({ key }) => Number(/\/(\d+)\.json$/.exec(key)?.[1] ?? []) || []);
  const copies: PublicationCopy[] = [];
  for (const id of ids.sort((one, other) => one - other)) {
    const text = await store.getText(stackBuckets.warehouse, `${manifestPrefix}${id}.json`);
    // Of an earlier release a copy has no schemas and no erasures.
    const { pointers, source_schemas: schemas, erasures } = JSON.parse(text);
    copies.push({
      ...{ id, text },
      ...{ pointers: pointers ?? [], schemas: schemas ?? [], erasures: erasures ?? [] },
    });
  }
  return copies;
}

/** What is left to do where nothing can be recovered. */
export const withoutCatalog =
  "begin anew: ./scripts/down --delete-data, then restore a backup (./scripts/up --empty, reelhouse restore DIR) or load what you have: ./scripts/up";

export async function requireFiles(store: Store, pointers: readonly Pointer[]): Promise<void> {
  for (const { metadata_location: location, table_namespace, table_name } of pointers) {
    const { bucket, key } = splitLocation(location);
    if ((await store.metadataOf(bucket, key)) !== undefined) continue;
    throw new ReelhouseError(
      `${table_namespace}.${table_name}: the object store has no ${location}`,
      exitCode.failed,
      { next: withoutCatalog },
    );
  }
}

/** One transaction: the pointers come last, and with them the catalog is not empty any more. */
export async function fillCatalog(
  settings: Settings,
  manifests: readonly PublicationCopy[],
  pointers: readonly Pointer[],
): Promise<void> {
  const publisher = await connectCatalog(settings, "publisher");
  try {
    await publisher.query("begin");
    for (const { text } of manifests) await publisher.query("select branch.recover_publication($1)", [text]);
    const namespaces = namespacesOf(manifests.at(-1), pointers);
    await publisher.query("select branch.recover_pointers($1, $2)", [
      JSON.stringify(pointers),
      JSON.stringify(namespaces),
    ]);
    await publisher.query("commit");
  } finally {
    await publisher.end();
  }
}

interface NamespaceProperty {
  namespace: string;
  property_key: string;
  property_value: string;
}

/** As the newest publication has them; before the first one there is bronze alone. */
function namespacesOf(
  newest: PublicationCopy | undefined,
  pointers: readonly Pointer[],
): NamespaceProperty[] {
  const copied: NamespaceProperty[] = newest ? JSON.parse(newest.text).namespaces : [];
  const known = new Set(copied.map(({ namespace }) => namespace));
  const names = new Set(pointers.map(({ table_namespace }) => table_namespace));
  const missing = [...names].filter((name) => !known.has(name));
  return [
    ...copied,
    // What the Iceberg catalog writes for a namespace without properties.
    ...missing.map((namespace) => ({ namespace, property_key: "exists", property_value: "true" })),
  ];
}
