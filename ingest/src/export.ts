/** Files of each layer: one per table, in the format that the user chose. */
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline as streamTo } from "node:stream/promises";
import { connectCatalog } from "./catalog.ts";
import type { Output } from "./config.ts";
import { exitCode, ReelhouseError } from "./errors.ts";
import { latestPublication } from "./publish/journal.ts";
import { lineageColumns } from "./read/column-names.ts";
import { type ExportFormatName, exportFormats } from "./results/formats.ts";
import type { Run } from "./session.ts";
import type { Settings } from "./settings.ts";
import { identifier, literal } from "./sql.ts";
import { connectTrino, type TrinoSession } from "./trino.ts";

type Context = Pick<Run, "settings" | "report" | "signal">;

interface ExportedTable {
  layer: keyof Output;
  table: string;
  statement: string;
}

/** Writes the layers that `output` names; returns the files' host paths. Each file appears whole or not at all. */
export async function exportLayers(
  { output, format }: { output: Output; format: ExportFormatName },
  { settings, report, signal }: Context,
): Promise<string[]> {
  const layers = Object.keys(output) as (keyof Output)[];
  if (layers.length === 0) return [];
  const trino = connectTrino(settings, "admin", { catalog: "lakehouse", signal });
  const publication = layers.some((layer) => layer !== "bronze") ? await currentPublication(settings) : "";
  const files: string[] = [];
  for (const layer of layers) {
    const folder = output[layer] ?? "";
    await makeFolder(settings.hostRoot + folder, folder);
    const tables =
      layer === "bronze" ? await bronzeTables(trino) : await keyedTables(trino, layer, publication);
    for (const { table, statement } of tables) {
      const file = join(folder, `${table}.${format}`);
      report.progress(`export ${file}`);
      await writeFile(settings.hostRoot, file, exportFormats[format].encode(trino.pages(statement)));
      files.push(file);
    }
    report.info("exported", `${layer}: ${tables.length} ${exportFormats[format].title} files in ${folder}`, {
      layer,
      folder,
    });
  }
  return files;
}

async function makeFolder(path: string, hostPath: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause) => {
    throw new ReelhouseError(`${hostPath}: cannot be made: ${cause.code}`, exitCode.failed, {
      next: "check who may write there, or name another folder under 'output'",
      cause,
    });
  });
}

async function writeFile(
  hostRoot: string,
  file: string,
  parts: AsyncIterable<string | Uint8Array>,
): Promise<void> {
  const draft = `${hostRoot}${file}.partial`;
  try {
    await streamTo(Readable.from(parts), createWriteStream(draft));
    await rename(draft, hostRoot + file);
  } catch (cause) {
    await rm(draft, { force: true });
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (syscall === undefined) throw cause;
    throw new ReelhouseError(`${file}: cannot be written: ${code}`, exitCode.failed, {
      next: "check the folder's rights and the disk's free space",
      cause,
    });
  }
}

/** All accepted rows of all batches by load order, then row: the source's own columns, as they arrived. */
async function bronzeTables(trino: TrinoSession): Promise<ExportedTable[]> {
  const lineage = new Set<string>(lineageColumns);
  const tables: ExportedTable[] = [];
  for (const source of await loadedSources(trino)) {
    const columns = (await columnsOf(trino, "bronze", source)).filter((name) => !lineage.has(name));
    tables.push({
      layer: "bronze",
      table: source,
      statement: `SELECT ${columns.map((name) => `bronze.${identifier(name)}`).join(", ")}
        FROM bronze.${identifier(source)} AS bronze
        JOIN bronze.batches AS batch ON batch.source = ${literal(source)} AND batch.batch_id = bronze._batch_id
        ORDER BY batch.load_order, bronze._row_number`,
    });
  }
  return tables;
}

async function loadedSources(trino: TrinoSession): Promise<string[]> {
  const { rows } = await trino.query("SELECT DISTINCT source FROM bronze.batches ORDER BY source");
  return rows.map(([source]) => String(source));
}

/** Silver and gold are read as of one publication: a run that publishes meanwhile must not mix two in one export. */
async function currentPublication(settings: Settings): Promise<string> {
  const ledger = await connectCatalog(settings, "ledger");
  try {
    const publication = await latestPublication(ledger);
    if (publication) return `pub_${publication.id}`;
  } finally {
    await ledger.end();
  }
  throw new ReelhouseError("nothing is published yet", exitCode.failed, {
    next: "publish first: reelhouse run",
  });
}

/** Every published table of a layer, ordered by its columns from left to right: keys come first. */
async function keyedTables(
  trino: TrinoSession,
  layer: keyof Output,
  publication: string,
): Promise<ExportedTable[]> {
  const { rows } = await trino.query(
    `SELECT table_name FROM information_schema.tables WHERE table_schema = ${literal(layer)} ORDER BY 1`,
  );
  const tables: ExportedTable[] = [];
  for (const [name] of rows) {
    const table = String(name);
    const order = (await columnsOf(trino, layer, table)).map((_, index) => index + 1).join(", ");
    const version = `${layer}.${identifier(table)} FOR VERSION AS OF ${literal(publication)}`;
    const statement = `SELECT * FROM ${version} ORDER BY ${order}`;
    tables.push({ layer, table, statement });
  }
  return tables;
}

async function columnsOf(trino: TrinoSession, schema: string, table: string): Promise<string[]> {
  const { rows } = await trino.query(
    `SELECT column_name FROM information_schema.columns
     WHERE table_schema = ${literal(schema)} AND table_name = ${literal(table)} ORDER BY ordinal_position`,
  );
  return rows.map(([name]) => String(name));
}
