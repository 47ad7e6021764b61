/**
 * The only reader of `pipeline.yaml`: what to read and where to export, or every fault of the file at once.
 */
import { resolve } from "node:path";
import type { Environment } from "./config/interpolate.ts";
import { hasGlob, type SourcePath, sourcePath } from "./config/paths.ts";
import { type Entry, YamlReader } from "./config/yaml.ts";
import { type Contract, loadContracts } from "./read/contract.ts";
import { type FormatName, formatNames } from "./read/formats.ts";
import { type ExportFormatName, exportFormatNames } from "./results/formats.ts";

export { expandPaths, type Mount, mountsOf } from "./config/paths.ts";

export interface Source {
  /** The contract's name, such as `box_office_domestic`. */
  readonly name: string;
  readonly format: FormatName;
  /** In the order of the file. */
  readonly paths: readonly SourcePath[];
}

const layers = ["bronze", "silver", "gold"] as const;

/** Absolute folders on the host for the files of each layer. */
export type Output = { readonly [layer in (typeof layers)[number]]?: string };

export interface Pipeline {
  /** In the order of the file, which decides what is newest within a run. */
  readonly sources: readonly Source[];
  readonly output: Output;
  /** What kind of files `output` gets. */
  readonly exportFormat: ExportFormatName;
}

export interface PipelineContext {
  /** The file's name, for messages. */
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
  const { folders, exportFormat } = output ? readOutput(yaml, output, baseFolder, sources) : noOutput;
  yaml.throwFaults();
  return Object.freeze({ sources: Object.freeze(sources), output: Object.freeze(folders), exportFormat });
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
    format: format ? readChoice(yaml, format, formatNames) : contract.format,
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
  const owners = new Map(sources.flatMap(({ name, paths }) => paths.map(({ folder }) => [folder, name])));
  owners.set("/", "the system");
  return {
    folders: readFolders(yaml, members, baseFolder, owners),
    exportFormat: format ? readChoice(yaml, format, exportFormatNames) : noOutput.exportFormat,
  };
}

function readFolders(
  yaml: YamlReader,
  members: Map<string, Entry>,
  baseFolder: string,
  owners: Map<string, string>,
): Output {
  const folders: { [layer in (typeof layers)[number]]?: string } = {};
  for (const layer of layers) {
    const member = members.get(layer);
    if (member) folders[layer] = readFolder(yaml, member, baseFolder, owners);
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
