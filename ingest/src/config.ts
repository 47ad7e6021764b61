/**
 * The only reader of `pipeline.yaml`: what to read and where to export, or every fault of the file at once.
 */
import { basename, resolve } from "node:path";
import type { Environment } from "./config/interpolate.ts";
import { hasGlob, isGlob, mayMatch, type SourcePath, sourcePath } from "./config/paths.ts";
import { type Entry, YamlReader } from "./config/yaml.ts";
import { type Contract, loadContracts } from "./read/contract.ts";
import { type FormatName, formatNames } from "./read/formats.ts";

export { expandPaths, type Mount, mountsOf, refuseSharedFolders } from "./config/paths.ts";

export interface Source {
  /** The contract's name, such as `box_office_domestic`. */
  readonly name: string;
  readonly format: FormatName;
  /** In the order of the file. */
  readonly paths: readonly SourcePath[];
}

const layers = ["bronze", "silver", "gold"] as const;

/** Absolute folders on the host for the CSV files of each layer. */
export type Output = { readonly [layer in (typeof layers)[number]]?: string };

export interface Pipeline {
  /** The configuration's own host path. */
  readonly file: string;
  /** In the order of the file, which decides what is newest within a run. */
  readonly sources: readonly Source[];
  readonly output: Output;
}

export interface PipelineContext {
  /** The file's name, as the caller gave it. */
  file: string;
  /** The host's folder that relative paths start from, absolute. */
  baseFolder: string;
  /** Where `${NAME}` is looked up. */
  env: Environment;
}

/** Reads the text of a `pipeline.yaml`. Throws a usage error (exit 2) that lists every fault with its line. */
export function loadPipeline(text: string, { file, baseFolder, env }: PipelineContext): Pipeline {
  const yaml = new YamlReader(text, file, env);
  const top = yaml.members(yaml.root, "an object with 'source' and, if wanted, 'output'");
  refuseUnknown(yaml, top, ["source", "output"]);
  const source = top.get("source");
  const output = top.get("output");
  if (top.size > 0 && !source) yaml.fault(yaml.root, "expected the key 'source'");
  const sources = source ? readSources(yaml, source, baseFolder) : [];
  const folders = output ? readOutput(yaml, output, baseFolder, sources) : {};
  yaml.throwFaults();
  return Object.freeze({
    file: resolve(baseFolder, basename(file)),
    sources: Object.freeze(sources),
    output: Object.freeze(folders),
  });
}

function refuseUnknown(yaml: YamlReader, members: Map<string, Entry>, allowed: readonly string[]): void {
  for (const [name, entry] of members) if (!allowed.includes(name)) yaml.unknown(entry, name, allowed);
}

/** A contract's key may have two parts: `box_office.domestic` is `domestic` below `box_office`. */
function readSources(yaml: YamlReader, entry: Entry, baseFolder: string): Source[] {
  const contracts = new Map([...loadContracts().values()].map((contract) => [contract.key, contract]));
  const keys = [...contracts.keys()];
  const readGroup = (group: Entry, prefix: string): Source[] => {
    const members = [...yaml.members(group, `an object with one of ${keys.join(", ")}`)];
    return members.flatMap(([name, member]) => {
      const key = prefix + name;
      const contract = contracts.get(key);
      if (contract) return readSource(yaml, member, contract, baseFolder) ?? [];
      if (keys.some((known) => known.startsWith(`${key}.`))) return readGroup(member, `${key}.`);
      yaml.unknown(member, key, keys);
      return [];
    });
  };
  return readGroup(entry, "");
}

const expectedPath = "a path, a glob or a folder";
const expectedSource = "a path, a glob, a folder or an object with 'path'";

/** Undefined if it names no path; other faults are told, and the answer is not used then. */
function readSource(
  yaml: YamlReader,
  entry: Entry,
  contract: Contract,
  baseFolder: string,
): Source | undefined {
  const isObject = yaml.isObject(entry);
  const options = isObject ? yaml.members(entry, expectedSource) : new Map([["path", entry]]);
  refuseUnknown(yaml, options, ["path", "format"]);
  const path = options.get("path");
  if (!path) {
    if (options.size > 0) yaml.fault(entry, "expected the key 'path'");
    return undefined;
  }
  const paths = isObject ? yaml.elements(path, expectedPath) : [path];
  const expected = isObject ? expectedPath : expectedSource;
  const format = options.get("format");
  return Object.freeze({
    name: contract.name,
    format: format ? readFormat(yaml, format) : contract.format,
    paths: Object.freeze(paths.flatMap((item) => readPath(yaml, item, expected, baseFolder) ?? [])),
  });
}

function readPath(
  yaml: YamlReader,
  entry: Entry,
  expected: string,
  baseFolder: string,
): SourcePath | undefined {
  const text = yaml.text(entry, expected);
  if (text === undefined) return undefined;
  const path = sourcePath(text, baseFolder);
  if (path.folder === "/") yaml.fault(entry, `expected a folder below /, found '${text}'`);
  return Object.freeze(path);
}

function readFormat(yaml: YamlReader, entry: Entry): FormatName {
  const text = yaml.text(entry, formatNames.join(" or "));
  const format = formatNames.find((name) => name === text);
  if (text !== undefined && format === undefined) yaml.unknown(entry, text, formatNames);
  return format ?? formatNames[0];
}

function readOutput(yaml: YamlReader, entry: Entry, baseFolder: string, sources: readonly Source[]): Output {
  const members = yaml.members(entry, `an object with one of ${layers.join(", ")}`);
  refuseUnknown(yaml, members, layers);
  const owners = new Map(sources.flatMap(({ name, paths }) => paths.map(({ folder }) => [folder, name])));
  owners.set("/", "the system");
  const globs = sources.flatMap(({ name, paths }) =>
    paths.filter(isGlob).map(({ path }) => ({ name, path })),
  );
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
  if (hasGlob(text)) yaml.fault(entry, `expected a folder, found the glob '${text}'`);
  // the files of two layers have the same names, and so may a source's: one would overwrite the other
  const owner = owners.get(folder);
  if (owner) yaml.fault(entry, `expected a folder of its own, found '${text}', which is that of ${owner}`);
  owners.set(folder, entry.where);
  return folder;
}
