import { type DialectOptions, encodings } from "../read/dialect.ts";
import type { FormatName } from "../read/formats.ts";
import type { Entry, YamlReader } from "./yaml.ts";

const text = ["encoding", "max_expansion"];
const separated = ["delimiter", "quote", "escape", "header", "columns", ...text];

/** What may be said about the files of each format. */
const optionsOfFormat: Record<FormatName, readonly string[]> = {
  csv: separated,
  tsv: separated,
  json: text,
  ndjson: text,
  parquet: [],
  xlsx: ["sheet", "header", "columns", "max_expansion"],
};

export const dialectKeys: readonly string[] = [...new Set(Object.values(optionsOfFormat).flat())];

/**
 * How a source's files are written, from its members in `pipeline.yaml`. Every fault is told; the answer is not used
 * then. `format` is undefined where each file's name says it.
 */
export function readDialect(
  yaml: YamlReader,
  members: Map<string, Entry>,
  format: FormatName | undefined,
): DialectOptions {
  refuseOthers(yaml, members, format);
  const read = <T>(key: string, reader: (yaml: YamlReader, entry: Entry) => T | undefined) => {
    const entry = members.get(key);
    return entry && reader(yaml, entry);
  };
  const options = {
    delimiter: read("delimiter", (...found) => readSign(...found, "tab", "\t")),
    quote: read("quote", (...found) => readSign(...found, "none", "")),
    quoteEscape: read("escape", (...found) => readSign(...found, "none", "")),
    header: read("header", readFlag),
    columns: read("columns", readNames),
    encoding: read("encoding", readEncoding),
    sheet: read("sheet", (_, entry) => yaml.text(entry, "the name of a sheet")),
    maximumExpansion: read("max_expansion", readFactor),
  };
  refuseContradictions(yaml, members, options);
  return Object.freeze(
    Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  );
}

function refuseOthers(yaml: YamlReader, members: Map<string, Entry>, format: FormatName | undefined): void {
  if (format === undefined) return;
  for (const key of dialectKeys) {
    const entry = members.get(key);
    const fitting = Object.entries(optionsOfFormat).filter(([, keys]) => keys.includes(key));
    if (entry && !optionsOfFormat[format].includes(key))
      yaml.fault(entry, `expected format ${fitting.map(([name]) => name).join(" or ")}, found ${format}`);
  }
}

type Read = { -readonly [key in keyof DialectOptions]?: DialectOptions[key] | undefined };

function refuseContradictions(yaml: YamlReader, members: Map<string, Entry>, options: Read): void {
  const { delimiter, quote = '"', quoteEscape, header, columns } = options;
  const fault = (key: string, message: string) => {
    const entry = members.get(key);
    if (entry) yaml.fault(entry, message);
  };
  if (delimiter !== undefined && delimiter === quote)
    fault("delimiter", "expected another sign than the quote's");
  if (quoteEscape !== undefined && quoteEscape === delimiter)
    fault("escape", "expected another sign than the delimiter's");
  if (quoteEscape && quote === "") fault("escape", "expected a quote to escape, found quote: none");
  if (header === false && columns === undefined)
    fault("header", "expected the key 'columns' beside header: false");
  if (columns !== undefined && header !== false) fault("columns", "expected header: false beside it");
}

/** One ASCII sign, or the word that stands for one. */
function readSign(yaml: YamlReader, entry: Entry, word: string, meaning: string): string | undefined {
  const value = yaml.scalar(entry);
  if (value === word) return meaning;
  if (typeof value === "string" && /^[\t\x20-\x7e]$/.test(value) && !/[a-z0-9]/i.test(value)) return value;
  yaml.fault(entry, `expected one sign, no letter or digit, or ${word}, found ${yaml.describe(entry)}`);
  return undefined;
}

function readFlag(yaml: YamlReader, entry: Entry): boolean | undefined {
  const value = yaml.scalar(entry);
  if (typeof value === "boolean") return value;
  yaml.fault(entry, `expected true or false, found ${yaml.describe(entry)}`);
  return undefined;
}

function readNames(yaml: YamlReader, entry: Entry): readonly string[] {
  const expected = "the names of the columns";
  return Object.freeze(yaml.elements(entry, expected).flatMap((item) => yaml.text(item, expected) ?? []));
}

function readEncoding(yaml: YamlReader, entry: Entry): DialectOptions["encoding"] {
  const name = yaml.text(entry, encodings.join(" or "));
  const encoding = encodings.find((known) => known === name);
  if (name !== undefined && encoding === undefined) yaml.unknown(entry, name, encodings);
  return encoding;
}

function readFactor(yaml: YamlReader, entry: Entry): number | undefined {
  const value = yaml.scalar(entry);
  if (typeof value === "number" && value >= 1) return value;
  yaml.fault(
    entry,
    `expected how many times its size a file may hold, such as 500, found ${yaml.describe(entry)}`,
  );
  return undefined;
}
