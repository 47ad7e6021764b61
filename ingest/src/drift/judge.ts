/** Compares a delivery's columns with its source's schema: announces what changed, or holds the delivery back. */
import { sampleRows, valuesByColumn } from "../bronze/sample.ts";
import type { Source } from "../config.ts";
import type { Job } from "../ingest.ts";
import type { Claim } from "../ledger.ts";
import type { Format, ReadOptions, SourceFile } from "../read/record.ts";
import { identifier } from "../sql.ts";
import { isNotFound } from "../trino.ts";
import { HeldBack, releaseAdvice } from "./hold.ts";
import { currentSchema, type NewVersion } from "./registry.ts";
import { likelyRenames, type Samples } from "./renames.ts";
import { compareColumns, type Drift, evolved, reasonToHold, type SourceSchema } from "./schema.ts";

/** A file with its columns, before it is read. */
export interface Inspected {
  source: Source;
  file: SourceFile;
  format: Format;
  options: ReadOptions;
  /** As the file has them. */
  columns: readonly string[];
  /** The same in bronze: `rename` is applied. */
  names: readonly string[];
}

/** What the columns of a delivery mean if it loads: it may still be held back or refused for its rows. */
export interface Judgement {
  /** Of the schema. */
  versions: NewVersion[];
  /** Says how the delivery differs from the schema. */
  announce(): void;
}

/** Throws `HeldBack` when somebody has to decide. A file without any column has no rows. */
export async function judgeColumns(inspected: Inspected, claim: Claim, job: Job): Promise<Judgement> {
  const { source, names } = inspected;
  const silent = () => undefined;
  if (names.length === 0) return { versions: [], announce: silent };
  const { schema, origin } = currentSchema(job.schemas.newest(source.name), source.contract?.columns, names);
  const measured = origin === undefined ? [] : [{ source: source.name, schema, origin }];
  const drift = compareColumns(schema, names);
  if (claim.isReleased || (drift.added.length === 0 && drift.missing.length === 0))
    return { versions: measured, announce: silent };
  const renames = await renamesOf(drift, inspected, job);
  const reason = reasonToHold(drift, renames, source.drift);
  if (reason !== undefined) throw heldBack(reason, drift, renames, inspected, claim);
  const next = source.drift === "evolve" ? evolved(schema, drift.added) : undefined;
  const { hostPath } = inspected.file;
  const versions = next ? [...measured, { source: source.name, schema: next, origin: hostPath }] : measured;
  return { versions, announce: () => announce(drift, next, inspected, job) };
}

function announce(drift: Drift, next: SourceSchema | undefined, inspected: Inspected, job: Job): void {
  const { source, file } = inspected;
  const { added } = drift;
  const missing = drift.missing.map(({ name }) => name);
  const place = `${source.name}: ${file.hostPath}`;
  const fields = { source: source.name, file: file.hostPath, added, missing };
  if (missing.length > 0) {
    job.report.warn("missing_columns", `${place}: null for missing columns ${missing.join(", ")}`, fields);
  }
  if (added.length === 0) return;
  const version = next ? `, schema version ${next.version}` : "";
  job.report.warn(
    "unexpected_columns",
    `${place}: kept unexpected columns ${added.join(", ")}${version}`,
    fields,
  );
}

function heldBack(
  reason: string,
  { added, missing }: Drift,
  renames: ReadonlyMap<string, string>,
  { source, file, names }: Inspected,
  { batchId }: Claim,
): HeldBack {
  const mapping = [...renames].map(([name, delivered]) => `${delivered}: ${name}`).join(", ");
  const where = `source ${source.key} of pipeline.yaml`;
  const advice = mapping
    ? `if it was renamed, add to ${where}: rename: {${mapping}}; else ${releaseAdvice(batchId)}`
    : releaseAdvice(batchId);
  return new HeldBack(file.hostPath, {
    reason,
    next: `found ${names.join(", ")}; ${advice}`,
    details: { added, missing: missing.map(({ name }) => name), renames: Object.fromEntries(renames) },
  });
}

const sampleSize = 500;

async function renamesOf(drift: Drift, inspected: Inspected, job: Job): Promise<Map<string, string>> {
  const missing = drift.missing.map(({ name }) => name);
  if (missing.length === 0 || drift.added.length === 0) return new Map();
  const rows = await sampleRows(inspected, { ...job, rowLimit: sampleSize });
  const delivered = valuesByColumn(inspected.names, rows);
  return likelyRenames(
    missing,
    drift.added,
    await loadedValues(inspected.source.name, missing, job),
    delivered,
  );
}

/** Some values that bronze has of these columns; none before the first load. */
async function loadedValues(source: string, columns: readonly string[], { trino }: Job): Promise<Samples> {
  const list = columns.map(identifier).join(", ");
  try {
    const { rows } = await trino.query(
      `SELECT ${list} FROM bronze.${identifier(source)} LIMIT ${sampleSize}`,
    );
    return valuesByColumn(columns, rows as (string | null)[][]);
  } catch (error) {
    // Any other failure would pass for "no values" and make renames look unlike.
    if (isNotFound(error, "SCHEMA", "TABLE", "COLUMN")) return new Map();
    throw error;
  }
}
