/** Everything that lies in the tables' folders of the store, and how a table is in the folder of another catalog. */
import { inStore } from "../publications/objects.ts";
import type { Stack } from "../stack.ts";

/** `bucket/key` of each object of the tables that is there now. */
export async function tableObjects(stack: Stack): Promise<string[]> {
  const names = await listed(stack, "find store/warehouse --quiet; mc find store/bronze/tables --quiet");
  return names.filter((name) => !name.startsWith("warehouse/_")).sort();
}

/** `bucket/key` of each version of each object, those of deleted ones too. */
export async function allVersions(stack: Stack): Promise<string[]> {
  const lines = await listed(stack, "ls --recursive --versions --json store");
  const keys = lines.map((line) => String(JSON.parse(line).key));
  // The buckets are listed too.
  return keys.filter((key) => !key.endsWith("/"));
}

/** The lines of what `mc` says, without the store's name. */
async function listed(stack: Stack, words: string): Promise<string[]> {
  const lines = (await inStore(stack, `mc ${words}`)).split("\n").filter(Boolean);
  return lines.map((line) => line.replace("store/", ""));
}

/** All pointers of the lakehouse. */
export const pointersOf = (stack: Stack) =>
  stack.catalogQuery(
    `select string_agg(concat_ws(' ', table_namespace, table_name, metadata_location), E'\\n' order by table_namespace, table_name)
     from iceberg.iceberg_tables where catalog_name = 'lakehouse'`,
  );
