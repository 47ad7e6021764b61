import { setTimeout as sleep } from "node:timers/promises";
import type { Stack } from "../stack.ts";

/** Until some tables, all with enforced contracts, are made anew on `audit`, and others are as they were forked. */
export async function waitForBuild(stack: Stack): Promise<void> {
  const deadlineMs = Date.now() + 4 * 60_000;
  while (Date.now() < deadlineMs) {
    const isBuilding = await stack.catalogQuery(
      `select count(distinct audit.metadata_location <> production.metadata_location) = 2 from iceberg.iceberg_tables as audit
       join iceberg.iceberg_tables as production using (table_namespace, table_name)
       where audit.catalog_name = 'audit' and production.catalog_name = 'lakehouse'
           and table_namespace in ('silver', 'gold')`,
    );
    if (isBuilding === "t") return;
    await sleep(100);
  }
  throw new Error("no build has begun");
}
