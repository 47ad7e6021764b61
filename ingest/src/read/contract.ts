import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { parse } from "yaml";
import type { FormatName } from "./formats.ts";

/** What a provider promised, from `ingest/sources/<name>.yaml`. */
export interface Contract {
  /** The source's name and its bronze table. */
  readonly name: string;
  /** Where `pipeline.yaml` names it, below `source`. */
  readonly key: string;
  /** The format unless `pipeline.yaml` says another; where neither does, the file's name tells. */
  readonly format?: FormatName;
  /** As bronze spells them. */
  readonly columns: readonly { readonly name: string; readonly required: boolean }[];
}

/** All contracts by source name. */
export function loadContracts(
  folder = new URL("../../sources/", import.meta.url),
): ReadonlyMap<string, Contract> {
  const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
  return new Map(
    files.sort().map((file) => {
      const name = basename(file, ".yaml");
      return [name, { name, ...parse(readFileSync(new URL(file, folder), "utf8")) } as Contract];
    }),
  );
}
