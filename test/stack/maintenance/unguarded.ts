/** Trino catalogs as they would be without their guards: upkeep of any age, with rights to delete. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder, restart, type Stack } from "../stack.ts";

/** `unguarded_production` and `unguarded_branch`, for admin; Trino is started anew with them. */
export async function removeGuards(stack: Stack): Promise<void> {
  const guarded = readFileSync(join(projectFolder, "trino/etc/catalog/audit.properties"), "utf8");
  const unguarded = guarded.replaceAll("min-retention=36500d", "min-retention=0s");
  const names = { unguarded_production: "lakehouse", unguarded_branch: "audit" };
  for (const [name, catalog] of Object.entries(names)) {
    const file = join(stack.folder, `${name}.properties`);
    writeFileSync(file, unguarded.replace("catalog-name=audit", `catalog-name=${catalog}`), { mode: 0o644 });
    await stack.compose(["cp", file, `trino:/opt/trino/etc/catalog/${name}.properties`]);
  }
  await restart(stack, "trino");
}
