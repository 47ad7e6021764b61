/**
 * The only reader of `pipeline.yaml`: what to read and where to export, or every fault of the file at once.
 */
import { basename, resolve } from "node:path";
import { dialectKeys, readDialect } from "./config/dialect.ts";
import type { Environment } from "./config/interpolate.ts";
import { hasGlob, isGlob, localPaths, mayMatch, type SourcePath, sourcePath } from "./config/paths.ts";
import { promiseKeys, readPromises } from "./config/promises.ts";
import { type Retention, readRetention, usualRetention } from "./config/retention.ts";
import { isLocation, readObjectPath, readStores, type StoreEntry } from "./config/stores.ts";
import { type Entry, YamlReader } from "./config/yaml.ts";
import type { DriftPolicy } from "./drift/schema.ts";
import { type Contract, loadContracts } from "./read/contract.ts";
import type { DialectOptions } from "./read/dialect.ts";
import { type FormatName, formatNames } from "./read/formats.ts";
import { nearestName } from "./read/nearest.ts";
import { type ExportFormatName, exportFormatNames } from "./results/formats.ts";

export { expandPaths, type Mount, mountsOf, refuseSharedFolders } from "./config/paths.ts";

export interface Source {
  /** Its bronze table: the key with `_` for each dot, such as `box_office_domestic`. */
  readonly name: string;
  /** Where `pipeline.yaml` has it, below `source`: `box_office.domestic`. */
  readonly key: string;
  /** What its provider promised; a source without one takes its first delivery for the promise. */
  readonly contract?: Contract | undefined;
  /** As `pipeline.yaml` says; where it does not, `formatOf` decides for each file. */
  readonly format?: FormatName | undefined;
  /** The contract's. */
  readonly usualFormat?: FormatName | undefined;
  readonly options: DialectOptions;
  /** What happens when a delivery's columns change. */
  readonly drift: DriftPolicy;
  /** A batch with a larger share of rejected rows is held back. */
  readonly maximumRejectedPercent: number;
  /** A file's column, as bronze would spell it -> the column of the source that it is. */
  readonly rename: ReadonlyMap<string, string>;
  /** In the order of the file. */
  readonly paths: readonly SourcePath[];
}

const layers = ["bronze", "silver", "gold"] as const;

/** Absolute folders on the host for the files of each layer. */
export type Output = { readonly [layer in (typeof layers)[number]]?: string };

export interface Pipeline {
  /** The configuration's own host path. */
  readonly file: string;
  /** All that is promised, also by sources that this configuration leaves out: their tables exist all the same. */
  readonly contracts: readonly Contract[];
  /** In the order of the file, which decides what is newest within a run. */
  readonly sources: readonly Source[];
  /** S3 services beside the stack's own. */
  readonly stores: readonly StoreEntry[];
  readonly output: Output;
  /** What kind of files `output` gets. */
  readonly exportFormat: ExportFormatName;
  readonly retention: Retention;
}

export interface PipelineContext {
  /** The file's name, as the caller gave it. */
  file: string;
  /** The host's folder that relative paths start from, absolute. */
  baseFolder: string;
  /** Where `${NAME}` is looked up. */
  env: Environment;
  /** What providers promised, by source name; the built-in contracts unless told. */
  contracts?: ReadonlyMap<string, Contract>;
}

/** Reads the text of a `pipeline.yaml`. Throws a usage error (exit 2) that lists every fault with its line. */
export function loadPipeline(text: string, { file, baseFolder, env, ...context }: PipelineContext): Pipeline {
  const yaml = new YamlReader(text, file, env);
  const top = yaml.members(
    yaml.root,
    "an object with 'source' and, if wanted, 'stores', 'output' and 'retention'",
  );
  refuseUnknown(yaml, top, ["source", "stores", "output", "retention"]);
  const source = top.get("source");
  const output = top.get("output");
  const storesEntry = top.get("stores");
  const retentionEntry = top.get("retention");
  if (top.size > 0 && !source) yaml.fault(yaml.root, "expected the key 'source'");
  const contracts = [...(context.contracts ?? loadContracts()).values()];
  const stores = storesEntry ? readStores(yaml, storesEntry) : [];
  const sources = source ? readSources(yaml, source, { baseFolder, stores }, contracts) : [];
  const { folders, exportFormat } = output ? readOutput(yaml, output, baseFolder, sources) : noOutput;
  const retention = retentionEntry ? readRetention(yaml, retentionEntry) : usualRetention;
  yaml.throwFaults();
  return Object.freeze({
    file: resolve(baseFolder, basename(file)),
    contracts: Object.freeze(contracts),
    sources: Object.freeze(sources),
    stores: Object.freeze(stores),
    output: Object.freeze(folders),
    exportFormat,
    retention,
  });
}

function refuseUnknown(yaml: YamlReader, members: Map<string, Entry>, allowed: readonly string[]): void {
  for (const [name, entry] of members) if (!allowed.includes(name)) yaml.unknown(entry, name, allowed);
}

/** Where paths may lead to. */
interface Places {
  baseFolder: string;
  stores: readonly StoreEntry[];
}

/** A source may be in a group: `box_office.domestic` is `domestic` below `box_office`. */
function readSources(yaml: YamlReader, entry: Entry, places: Places, known: readonly Contract[]): Source[] {
  const contracts = new Map(known.map((contract) => [contract.key, contract]));
  const keys = [...contracts.keys()];
  const readGroup = (group: Entry, prefix: string): Source[] => {
    const members = [...yaml.members(group, `an object with a source in it, such as ${keys.join(", ")}`)];
    return members.flatMap(([name, member]) => {
      const key = prefix + name;
      const contract = contracts.get(key);
      const isGroup = !contract && yaml.isObject(member) && !yaml.has(member, "path");
      if (isGroup && (prefix === "" || keys.some((known) => known.startsWith(`${key}.`)))) {
        return readGroup(member, `${key}.`);
      }
      if (!contract) refuseName(yaml, member, key, keys);
      return readSource(yaml, member, { key, contract }, places) ?? [];
    });
  };
  const sources = readGroup(entry, "");
  refuseEqualNames(yaml, entry, sources);
  return sources;
}

/** A new source needs no more than its entry; but a name that is nearly another one is a mistake. */
function refuseName(yaml: YamlReader, entry: Entry, key: string, known: readonly string[]): void {
  const fault = faultOfName(key, known);
  if (fault !== undefined) yaml.fault(entry, fault);
}

/** Why no new source can have the name; undefined if it can. */
export function faultOfName(key: string, known: readonly string[]): string | undefined {
  const nearest = nearestName(key, known);
  if (nearest !== undefined)
    return `no source has the name '${key}', did you mean ${nearest}? A new source needs a name unlike it`;
  if (!/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$/.test(key) || key.length > 60)
    return `expected a name of lower case letters, digits and _, found '${key}'`;
  return ownTables.includes(key)
    ? `expected another name: bronze has a table '${key}' of its own`
    : undefined;
}

const ownTables: readonly string[] = ["batches", "quarantine"];

/** `a.b` and `a_b` would be one table. */
function refuseEqualNames(yaml: YamlReader, entry: Entry, sources: readonly Source[]): void {
  for (const [name, group] of Map.groupBy(sources, (source) => source.name)) {
    if (group.length > 1)
      yaml.fault(entry, `two sources have the table ${name}: ${group.map(({ key }) => key).join(", ")}`);
  }
}

const expectedPath = "a path, a glob or a folder";
const expectedSource = "a path, a glob, a folder or an object with 'path'";

/** Undefined if it names no path; other faults are told, and the answer is not used then. */
function readSource(
  yaml: YamlReader,
  entry: Entry,
  { key, contract }: { key: string; contract: Contract | undefined },
  places: Places,
): Source | undefined {
  const isObject = yaml.isObject(entry);
  const options = isObject ? yaml.members(entry, expectedSource) : new Map([["path", entry]]);
  refuseUnknown(yaml, options, ["path", "format", ...promiseKeys, ...dialectKeys]);
  const path = options.get("path");
  if (!path) {
    if (options.size > 0) yaml.fault(entry, "expected the key 'path'");
    return undefined;
  }
  const paths = isObject ? yaml.elements(path, expectedPath) : [path];
  const expected = isObject ? expectedPath : expectedSource;
  const formatEntry = options.get("format");
  const format = formatEntry && readChoice(yaml, formatEntry, formatNames);
  return Object.freeze({
    name: key.replaceAll(".", "_"),
    key,
    contract,
    format,
    usualFormat: contract?.format,
    options: readDialect(yaml, options, format ?? contract?.format),
    ...readPromises(yaml, options),
    paths: Object.freeze(paths.flatMap((item) => readPath(yaml, item, expected, places) ?? [])),
  });
}

function readPath(
  yaml: YamlReader,
  entry: Entry,
  expected: string,
  { baseFolder, stores }: Places,
): SourcePath | undefined {
  const text = yaml.text(entry, expected);
  if (text === undefined) return undefined;
  if (isLocation(text)) return readObjectPath(yaml, entry, text, stores);
  const path = sourcePath(text, baseFolder);
  if (path.folder === "/") yaml.fault(entry, `expected a folder below /, found '${text}'`);
  return Object.freeze(path);
}

function readChoice<T extends string>(yaml: YamlReader, entry: Entry, allowed: readonly [T, ...T[]]): T {
  const text = yaml.text(entry, allowed.join(" or "));
  const choice = allowed.find((name) => name === text);
  if (text !== undefined && choice === undefined) yaml.unknown(entry, text, allowed);
  return choice ?? allowed[0];
}

const noOutput: { folders: Output; exportFormat: ExportFormatName } = {
  folders: {},
  exportFormat: exportFormatNames[0],
};

function readOutput(
  yaml: YamlReader,
  entry: Entry,
  baseFolder: string,
  sources: readonly Source[],
): typeof noOutput {
  const expected = `an object with one of ${layers.join(", ")}`;
  const members = yaml.members(entry, expected);
  refuseUnknown(yaml, members, [...layers, "format"]);
  const format = members.get("format");
  if (format && members.size === 1) yaml.fault(entry, `expected ${expected}, found 'format' alone`);
  const owners = new Map(
    sources.flatMap((source) => localPaths(source).map(({ folder }) => [folder, source.name])),
  );
  owners.set("/", "the system");
  const globs = sources.flatMap((source) =>
    localPaths(source)
      .filter(isGlob)
      .map(({ path }) => ({ name: source.name, path })),
  );
  return {
    folders: readFolders(yaml, members, baseFolder, { owners, globs }),
    exportFormat: format ? readChoice(yaml, format, exportFormatNames) : noOutput.exportFormat,
  };
}

function readFolders(
  yaml: YamlReader,
  members: Map<string, Entry>,
  baseFolder: string,
  { owners, globs }: { owners: Map<string, string>; globs: readonly { name: string; path: string }[] },
): Output {
  const folders: { [layer in (typeof layers)[number]]?: string } = {};
  for (const layer of layers) {
    const member = members.get(layer);
    if (!member) continue;
    const folder = readFolder(yaml, member, baseFolder, owners);
    const reader = globs.find(({ path }) => mayMatch(path, folder));
    if (reader)
      yaml.fault(
        member,
        `expected a folder of its own, found '${folder}', where ${reader.name} looks for files`,
      );
    folders[layer] = folder;
  }
  return folders;
}

/** `owners` says who uses a folder already; this one is added. */
function readFolder(yaml: YamlReader, entry: Entry, baseFolder: string, owners: Map<string, string>): string {
  const text = yaml.text(entry, "a folder");
  if (text === undefined) return "";
  const folder = resolve(baseFolder, text);
  if (isLocation(text)) yaml.fault(entry, `expected a local folder, found '${text}'`);
  if (hasGlob(text)) yaml.fault(entry, `expected a folder, found the glob '${text}'`);
  // the files of two layers have the same names, and so may a source's: one would overwrite the other
  const owner = owners.get(folder);
  if (owner) yaml.fault(entry, `expected a folder of its own, found '${text}', which is that of ${owner}`);
  owners.set(folder, entry.where);
  return folder;
}
