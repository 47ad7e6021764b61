/** `reelhouse source add`: from a file to all that a new source needs, as files that wait to be written. */
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { parse } from "yaml";
import { contractsFolder, readContract } from "../config/contracts.ts";
import { faultOfName, loadPipeline } from "../config.ts";
import type { Configuration } from "../configuration.ts";
import { usageError } from "../errors.ts";
import { formatOf } from "../read/formats.ts";
import type { SourceFile } from "../read/record.ts";
import { contractText, type NewSource } from "./contract-file.ts";
import { type Inspection, inspectFile } from "./inspect.ts";
import { entryOf, type PipelineEntry, withEntry } from "./pipeline-entry.ts";
import { type ProposedColumn, proposeColumns } from "./propose.ts";
import { sourceYml, stagingSql, stagingYml } from "./staging-model.ts";
import { type PlannedFile, refuseExisting } from "./write-files.ts";

export interface AddRequest {
  file: SourceFile;
  /** As the user gave it; undefined: made from the file's name. */
  name: string | undefined;
  configuration: Configuration;
  /** The dbt project's folder, absolute, on the host. */
  dbtProject: string;
  hostRoot: string;
  env: NodeJS.ProcessEnv;
}

export interface AddedSource {
  name: string;
  entry: PipelineEntry;
  inspection: Inspection;
  columns: readonly ProposedColumn[];
  /** In the order in which they are to be written: what makes the source exist is last. */
  files: readonly PlannedFile[];
}

/** Changes nothing. Throws exit 2 for a name that cannot be, exit 3 for a file that is no table. */
export async function planSource(request: AddRequest): Promise<AddedSource> {
  const { file, configuration } = request;
  const name = request.name ?? nameOf(file.hostPath);
  refuseName(name, request);
  const inspection = await inspectFile(file);
  const columns = proposeColumns(inspection.columns, inspection.rows);
  const { format, rows } = inspection;
  const source = { name, format, fileName: basename(file.hostPath), rowCount: rows.length, columns };
  const entry = entryOf(
    pathFrom(dirname(configuration.hostPath), file.hostPath),
    formatOf(file, undefined, format) === format ? undefined : format,
    inspection.options,
  );
  const files = plannedFiles(source, entry, request);
  refuseExisting(files);
  return { name, entry, inspection, columns, files };
}

/** `views-2024-03.csv.gz` -> `views`: the name of the source, not of one delivery. Empty if nothing of it can be one. */
export function nameOf(path: string): string {
  const stem = basename(path)
    .replace(/\.(?:gz|zst)$/i, "")
    .replace(/\.\w+$/, "")
    .toLowerCase();
  const withoutDate = stem.replace(/[^a-z0-9]*\d[\d\W_]*$/, "");
  const letters = (withoutDate || stem).replaceAll(/[^a-z0-9]+/g, "_").replaceAll(/^_+|_+$/g, "");
  return /^\d/.test(letters) ? `source_${letters}` : letters;
}

/** Relative to the configuration where it lies below it. */
function pathFrom(folder: string, path: string): string {
  const below = relative(folder, path);
  return below === "" || below.startsWith("..") ? path : below;
}

function refuseName(name: string, { configuration, dbtProject, hostRoot }: AddRequest): void {
  const { pipeline } = configuration;
  const known = [...pipeline.contracts, ...pipeline.sources].flatMap((source) => [source.key, source.name]);
  const other = "give another name with --name NAME";
  if (known.includes(name)) throw usageError(`a source ${name} exists already; nothing was written`, other);
  const fault = faultOfName(name, [...new Set(known)]);
  if (fault !== undefined) throw usageError(`${fault}; nothing was written`, other);
  if (name.includes(".")) throw usageError(`expected a name without a dot, found '${name}'`, other);
  if (declaredTables(hostRoot + dbtProject).includes(name))
    throw usageError(`the dbt project has a source ${name} already; nothing was written`, other);
}

const stagingFolder = "models/staging";

/** The tables of bronze that the dbt project declares. */
function declaredTables(dbtProject: string): string[] {
  const folder = join(dbtProject, stagingFolder);
  if (!existsSync(folder))
    throw usageError(`${dbtProject}: no dbt project`, "run it as ./scripts/reelhouse source add");
  const files = readdirSync(folder).filter((file) => file.endsWith(".yml"));
  return files.flatMap((file) => {
    const { sources = [] } = parse(readFileSync(join(folder, file), "utf8")) ?? {};
    return sources.flatMap(({ tables = [] }) => tables.map(({ name }: { name: string }) => name));
  });
}

function plannedFiles(source: NewSource, entry: PipelineEntry, request: AddRequest): PlannedFile[] {
  const { configuration, dbtProject, hostRoot } = request;
  const { name } = source;
  const folder = dirname(configuration.hostPath);
  const staging = join(dbtProject, stagingFolder);
  const created = (hostPath: string, text: string) => ({ hostPath, path: hostRoot + hostPath, text });
  const contract = created(join(folder, contractsFolder, `${name}.yaml`), contractText(source));
  const pipeline = created(configuration.hostPath, withEntry(configuration.text, name, entry));
  requireLoadable(name, contract.text, pipeline.text, request);
  return [
    contract,
    created(join(staging, `src_${name}.yml`), sourceYml(source)),
    created(join(staging, `stg_${name}.sql`), stagingSql(source)),
    created(join(staging, `stg_${name}.yml`), stagingYml(source)),
    { ...pipeline, replaces: configuration.text },
  ];
}

/** What is written must be read again: the same readers look at it first. */
function requireLoadable(
  name: string,
  contractText: string,
  pipelineText: string,
  { configuration, hostRoot, env }: AddRequest,
): void {
  const { hostPath, pipeline } = configuration;
  // It would be replaced by a file of its own.
  if (lstatSync(hostRoot + hostPath).isSymbolicLink())
    throw usageError(
      `${hostPath}: is a link; nothing was written`,
      "name the file that it leads to: --config FILE",
    );
  const contract = readContract(contractText, name);
  loadPipeline(pipelineText, {
    file: configuration.name,
    baseFolder: dirname(hostPath),
    env,
    contracts: new Map([...pipeline.contracts, contract].map((each) => [each.name, each])),
  });
}
