/** Which versions of what made a publication. */
import { readFileSync } from "node:fs";
import type { Settings } from "./settings.ts";
import { connectTrino } from "./trino.ts";

/** Of this program. */
export const reelhouseVersion = (): string =>
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;

export async function trinoVersion(settings: Settings): Promise<string> {
  const { rows } = await connectTrino(settings, "ingest", { catalog: "ingest" }).query("SELECT version()");
  return String(rows[0]?.[0]);
}
