/** Everything that readers of the lakehouse depend on, to be compared: objects, pointers, journal and answers. */
import { expect } from "vitest";
import { type Readings, readings, readingsAsOf } from "../publications/readings.ts";
import type { Stack } from "../stack.ts";

export interface Inventory {
  objects: Map<string, string>;
  /** Rows of the catalog and of the journal. */
  rows: string;
  /** `now`, `bronze`, and each version that was asked for. */
  answers: Record<string, Readings>;
}

/** `versions`: as of when it is read, beside now. */
export async function inventory(stack: Stack, versions: string[]): Promise<Inventory> {
  const [now = {}, ...past] = await readingsAsOf(stack, ["", ...versions]);
  const bronze = await readings(stack, "", { user: "admin", schemas: ["bronze"] });
  const answers = {
    bronze,
    now,
    ...Object.fromEntries(versions.map((version, i) => [version, past[i] ?? {}])),
  };
  return { objects: await objects(stack), rows: await rows(stack), answers };
}

/** All is as it was; only objects may have come, of which production knows nothing. */
export async function expectUntouched(stack: Stack, before: Inventory): Promise<void> {
  const versions = Object.keys(before.answers).filter((version) => version.startsWith("FOR"));
  const after = await inventory(stack, versions);
  const changed = [...before.objects].filter(([key, hash]) => after.objects.get(key) !== hash);
  expect(changed.map(([key]) => key)).toEqual([]);
  expect(after.rows).toBe(before.rows);
  expect(after.answers).toEqual(before.answers);
}

/** Of all tables: `bucket/key` -> a hash of the content, as the store computes it. */
export async function objects(stack: Stack): Promise<Map<string, string>> {
  const login = ". /run/secrets/store/env; export MC_CONFIG_DIR=/tmp/mc-test";
  const host = `export MC_HOST_store="http://$STORE_ROOT_USER:$STORE_ROOT_PASSWORD@localhost:9000"`;
  const list = "for bucket in bronze warehouse; do mc ls --recursive --json store/$bucket; done";
  const { stdout } = await stack.compose(["exec", "-T", "store", "sh", "-c", `${login}; ${host}; ${list}`]);
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return new Map(lines.map(({ url, key, etag }) => [`${new URL(url).pathname.slice(1)}${key}`, etag]));
}

const rows = (stack: Stack) =>
  stack.catalogQuery(
    `select * from iceberg.iceberg_tables where catalog_name = 'lakehouse' order by 1, 2, 3;
     select md5(string_agg(publication_table::text, '|' order by publication_id, table_namespace, table_name))
     from branch.publication_table`,
  );
