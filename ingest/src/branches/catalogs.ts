/**
 * Trino's catalogs that are made while it runs: `br_<name>`, a branch for people, and `at_<id>`, the lakehouse as of a
 * publication. Only `admin` may make and drop them, and no others (trino/etc/access-rules.json).
 */
import { identifier, literal } from "../sql.ts";
import type { TrinoSession } from "../trino.ts";

export const branchCatalog = (name: string) => `br_${name}`;
export const asOfCatalog = (publicationId: number) => `at_${publicationId}`;

/** As in trino/etc/catalog: test/contract/catalogs.test.ts compares them. */
const shared = {
  "iceberg.catalog.type": "jdbc",
  "iceberg.jdbc-catalog.driver-class": "org.postgresql.Driver",
  "iceberg.jdbc-catalog.connection-url": "jdbc:postgresql://catalog:5432/lakehouse?currentSchema=iceberg",
  "iceberg.jdbc-catalog.schema-version": "V1",
  "iceberg.jdbc-catalog.default-warehouse-dir": `s3://\${ENV:STORE_PREFIX}warehouse/`,
  "iceberg.file-format": "PARQUET",
  "iceberg.compression-codec": "ZSTD",
  "fs.native-s3.enabled": "true",
  "s3.endpoint": `\${ENV:STORE_ENDPOINT}`,
  "s3.region": `\${ENV:STORE_REGION}`,
  "s3.path-style-access": "true",
  // A retried upload fails up to Trino 478 otherwise (trinodb/trino#27400).
  "s3.exclusive-create": "false",
  // Upkeep is `reelhouse maintain`: Trino's own would delete what another branch or a publication needs.
  "iceberg.expire-snapshots.min-retention": "36500d",
  "iceberg.remove-orphan-files.min-retention": "36500d",
};

const readOnly = { "iceberg.security": "read_only", ...loginOf("trino_reader") };

const writable = { "iceberg.security": "system", ...loginOf("trino_branch") };

/** Trino keeps the names of the secrets, and reads their values from its own environment. */
function loginOf(role: "trino_reader" | "trino_branch"): Record<string, string> {
  const name = role.toUpperCase();
  return {
    "iceberg.jdbc-catalog.connection-user": role,
    "iceberg.jdbc-catalog.connection-password": `\${ENV:PG_${name}_PASSWORD}`,
    "s3.aws-access-key": `\${ENV:S3_${name}_ACCESS_KEY}`,
    "s3.aws-secret-key": `\${ENV:S3_${name}_SECRET_KEY}`,
  };
}

export function catalogProperties(catalog: string): Record<string, string> {
  const rights = catalog.startsWith("br_") ? writable : readOnly;
  return { ...shared, "iceberg.jdbc-catalog.catalog-name": catalog, ...rights };
}

/** Does nothing when it is there. `trino`: a session of `admin`. */
export async function createCatalog(trino: TrinoSession, catalog: string): Promise<void> {
  const properties = Object.entries(catalogProperties(catalog)).map(
    ([name, value]) => `${identifier(name)} = ${literal(value)}`,
  );
  await trino.query(
    `CREATE CATALOG IF NOT EXISTS ${identifier(catalog)} USING iceberg WITH (${properties.join(", ")})`,
  );
}

/** Does nothing when it is gone. */
export async function dropCatalog(trino: TrinoSession, catalog: string): Promise<void> {
  await trino.query(`DROP CATALOG IF EXISTS ${identifier(catalog)}`);
}

/**
 * Makes Trino's catalogs of branches those of `names`: a command that was killed half way left one too few or too many,
 * and a database that was restored knows of branches that Trino does not.
 */
export async function settleCatalogs(trino: TrinoSession, names: string[]): Promise<void> {
  const { rows } = await trino.query(
    "SELECT catalog_name FROM system.metadata.catalogs WHERE starts_with(catalog_name, 'br_')",
  );
  const present = rows.map(([catalog]) => String(catalog));
  const wanted = names.map(branchCatalog);
  for (const catalog of wanted.filter((one) => !present.includes(one))) await createCatalog(trino, catalog);
  for (const catalog of present.filter((one) => !wanted.includes(one))) await dropCatalog(trino, catalog);
}
