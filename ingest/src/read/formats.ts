import { inputError } from "../errors.ts";
import { csv, tsv } from "./csv.ts";
import { json, ndjson } from "./json.ts";
import { parquet } from "./parquet.ts";
import type { Format, SourceFile } from "./record.ts";
import { xlsx } from "./xlsx.ts";

export const formatNames = ["csv", "tsv", "json", "ndjson", "parquet", "xlsx"] as const;

export type FormatName = (typeof formatNames)[number];

/** All formats by the name that `pipeline.yaml` and the contracts use. */
export const formats = { csv, tsv, json, ndjson, parquet, xlsx } satisfies Record<FormatName, Format>;

/** How the names of their files end; `.gz` or `.zst` may follow. */
const endings: Record<FormatName, readonly string[]> = {
  csv: ["csv"],
  tsv: ["tsv"],
  json: ["json"],
  ndjson: ["ndjson", "jsonl"],
  parquet: ["parquet"],
  xlsx: ["xlsx"],
};

/** Formats that a source may mix: the file's name says which of them it is. */
const kin: readonly (readonly FormatName[])[] = [
  ["csv", "tsv"],
  ["json", "ndjson"],
];

const kinOf = (format: FormatName | undefined): readonly FormatName[] =>
  format === undefined ? formatNames : (kin.find((names) => names.includes(format)) ?? [format]);

/** How the names of a source's files may end; of any source's if its format is not known. */
export const endingsOf = (format: FormatName | undefined): string[] =>
  kinOf(format).flatMap((name) => endings[name]);

/** The format of one file: the declared one; else what its name says, as far as its contract allows that. */
export function formatOf(
  file: SourceFile,
  declared: FormatName | undefined,
  ofContract: FormatName | undefined,
): FormatName {
  const ending = /\.([a-z]+)(?:\.(?:gz|zst))?$/i.exec(file.hostPath)?.[1]?.toLowerCase() ?? "";
  const named = kinOf(ofContract).find((name) => endings[name].includes(ending));
  const format = declared ?? named ?? ofContract;
  if (format !== undefined) return format;
  throw inputError("a file of unknown format", {
    file: file.hostPath,
    expected: `a name that ends in .${endingsOf(undefined).join(", .")}`,
    next: `say in pipeline.yaml what it is, format: ${formatNames.join(", ")}`,
  });
}
