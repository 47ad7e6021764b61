/** Contracts of sources: those beside the configuration, and the built-in ones. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { bronzeColumnNames } from "../read/column-names.ts";
import { type Contract, loadContracts } from "../read/contract.ts";
import { formatNames } from "../read/formats.ts";
import { type Entry, YamlReader } from "./yaml.ts";

/** The folder of contracts beside a configuration. */
export const contractsFolder = "sources";

/**
 * All contracts by source name: of one name, that beside the configuration counts. `folder`: the configuration's, as
 * this process sees it. Throws a usage error (exit 2) that lists every fault of the first file with one.
 */
export function contractsBeside(folder: string): ReadonlyMap<string, Contract> {
  const own = join(folder, contractsFolder);
  const files = existsSync(own) ? readdirSync(own).filter((file) => file.endsWith(".yaml")) : [];
  const found = files.sort().map((file) => {
    const text = readFileSync(join(own, file), "utf8");
    return readContract(text, basename(file, ".yaml"));
  });
  return new Map([...loadContracts(), ...found.map((contract) => [contract.name, contract] as const)]);
}

/** Types, ranges and whatever else is for people and for the model: the ingester takes what is below. */
export function readContract(text: string, name: string): Contract {
  const yaml = new YamlReader(text, `${contractsFolder}/${name}.yaml`, {});
  const top = yaml.members(yaml.root, "an object with 'key', 'format' and 'columns'");
  const key = readKey(yaml, top.get("key"), name);
  const format = top.get("format");
  const known = formatNames.find((each) => format && each === yaml.scalar(format));
  if (format && known === undefined)
    yaml.fault(format, `expected ${formatNames.join(" or ")}, found ${yaml.describe(format)}`);
  const list = top.get("columns");
  if (!list) yaml.fault(yaml.root, "expected the key 'columns'");
  const columns = list ? readColumns(yaml, list) : [];
  yaml.throwFaults();
  return Object.freeze({ name, key, ...(known ? { format: known } : {}), columns });
}

function readKey(yaml: YamlReader, entry: Entry | undefined, name: string): string {
  const key = entry ? yaml.scalar(entry) : name;
  if (typeof key === "string" && key.replaceAll(".", "_") === name) return key;
  if (entry) yaml.fault(entry, `expected ${name}, as the file's name says, found ${yaml.describe(entry)}`);
  return name;
}

function readColumns(yaml: YamlReader, list: Entry): Contract["columns"] {
  const expected = "a list of objects such as {name: title, required: true}";
  const columns = yaml.elements(list, expected).flatMap((item) => {
    const members = yaml.members(item, expected);
    const name = members.get("name");
    const required = members.get("required");
    const text = name && yaml.scalar(name);
    const flag = required ? yaml.scalar(required) : false;
    if (typeof text !== "string") yaml.fault(name ?? item, "expected the name of a column");
    if (typeof flag !== "boolean") yaml.fault(required ?? item, "expected true or false");
    return typeof text === "string" ? [{ name: text, required: flag === true }] : [];
  });
  const spelled = bronzeColumnNames(columns.map(({ name }) => name));
  for (const [index, { name }] of columns.entries()) {
    if (name !== spelled[index])
      yaml.fault(list, `expected ${spelled[index]}, as bronze spells it, found '${name}'`);
  }
  return Object.freeze(columns);
}
