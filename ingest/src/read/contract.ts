import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { parse } from "yaml";
import { inputError } from "../errors.ts";
import type { FormatName } from "./formats.ts";
import { nearestName } from "./nearest.ts";
import type { SourceFile } from "./record.ts";

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

/**
 * Checks the columns of a file, as the format's `columns` answered them, and answers those that its contract
 * does not know; they are kept. Throws an `inputError` that names every required column that is missing. A
 * file without any column has no rows (`[]`), so nothing is missing.
 */
export function checkColumns(contract: Contract, columns: readonly string[], file: SourceFile): string[] {
  const known = contract.columns.map(({ name }) => name);
  const added = columns.filter((name) => !known.includes(name));
  if (columns.length === 0) return added;
  const required = contract.columns.filter((column) => column.required).map(({ name }) => name);
  const missing = required.filter((name) => !columns.includes(name));
  if (missing.length === 0) return added;
  throw inputError(`missing ${describeMissing(missing, added)}`, {
    file: file.hostPath,
    line: 1,
    expected: `${required.join(", ")}, found ${columns.join(", ")}`,
    next: nextStep(columns),
  });
}

function describeMissing(missing: readonly string[], added: readonly string[]): string {
  const names = missing.map((name) => {
    const renamed = nearestName(name, added);
    return renamed === undefined ? name : `${name} (renamed to ${renamed}?)`;
  });
  return `column${missing.length > 1 ? "s" : ""} ${names.join(", ")}`;
}

function nextStep(columns: readonly string[]): string {
  const [separator] = columns.length === 1 ? (columns[0]?.match(/[;\t|]/) ?? []) : [];
  if (separator) return `say in pipeline.yaml: delimiter: ${JSON.stringify(separator)}`;
  return "correct the names in the file, or check in pipeline.yaml that it is the file of this source";
}
