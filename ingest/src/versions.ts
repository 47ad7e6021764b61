/** Which versions of what made a publication. */
import { readFileSync } from "node:fs";
import type { Settings } from "./settings.ts";
import { connectTrino } from "./trino.ts";

/** Of this program. */
export const reelhouseVersion = (): string =>
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;

/** By name; `dbt`: as its container told them with the build. */
export async function runningVersions(
  settings: Settings,
  dbt: Record<string, string>,
): Promise<Record<string, string>> {
  const trino = connectTrino(settings, "ingest", { catalog: "ingest" });
  const { rows } = await trino.query("SELECT version()");
  return { reelhouse: reelhouseVersion(), trino: String(rows[0]?.[0]), ...dbt };
}
