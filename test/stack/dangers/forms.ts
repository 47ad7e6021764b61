/** Every form of drop, rename, refresh, expiry and orphan removal, and how each ends for whom. */
import type { TrinoUser } from "../../../ingest/src/settings.ts";

/** Refused for a reason; or done, which may change the branch and nothing that readers see. */
type Form = [statement: string, end: RegExp | "done"];

/** The trigger of PostgreSQL; Trino names the statement, not the reason. */
const byTrigger = /Failed to execute: DELETE FROM iceberg_tables/;
const noRight = /Cannot|Access Denied/;

const upkeep = ["expire_snapshots", "remove_orphan_files"];
const tooEarly = (catalog: string, table: string): Form[] =>
  upkeep.flatMap((procedure): Form[] => [
    [
      `ALTER TABLE ${table} EXECUTE ${procedure}(retention_threshold => '30d')`,
      /shorter than the minimum retention configured in the system/,
    ],
    [`SET SESSION ${catalog}.${procedure}_min_retention = '0s'`, /Cannot set catalog session property/],
  ]);

/** Of two tables: `kept` is published; `lost` was, and is still on the branch. In their order. */
const onBranch: Form[] = [
  ["DROP TABLE gold.kept", byTrigger],
  ["DROP TABLE IF EXISTS gold.kept", byTrigger],
  ["DROP TABLE gold.lost", byTrigger],
  ["DROP SCHEMA gold CASCADE", byTrigger],
  ...tooEarly("audit", "gold.kept"),
  // A table whose files lie in two places, or whose commits delete old metadata files: Trino itself says no.
  [
    "CREATE OR REPLACE TABLE gold.kept WITH (location = 's3://warehouse/elsewhere') AS SELECT 1 AS v",
    /does not match the existing table location/,
  ],
  [
    "ALTER TABLE gold.kept SET PROPERTIES extra_properties = MAP(ARRAY['write.metadata.delete-after-commit.enabled'], ARRAY['true'])",
    /propert/,
  ],
  ["CREATE OR REPLACE VIEW gold.kept AS SELECT 1 AS v", /already exists/],
  ["ALTER TABLE gold.kept EXECUTE optimize", "done"],
  ["ALTER TABLE gold.kept EXECUTE optimize_manifests", "done"],
  ["ANALYZE gold.kept", "done"],
  ["ALTER TABLE gold.kept EXECUTE drop_extended_stats", "done"],
  ["CREATE OR REPLACE TABLE gold.kept AS SELECT 9 AS v, BIGINT '9' AS n", "done"],
  ["ALTER TABLE gold.kept DROP COLUMN v", "done"],
  ["TRUNCATE TABLE gold.kept", "done"],
  ["DELETE FROM gold.lost WHERE v = 1", "done"],
  ["ALTER TABLE gold.kept RENAME TO gold.other", "done"],
  ["DROP TABLE gold.other", byTrigger],
];

const onBronze: Form[] = [
  ["DROP TABLE bronze.critic_agg", byTrigger],
  ["DROP SCHEMA bronze CASCADE", byTrigger],
  ["ALTER TABLE bronze.critic_agg RENAME TO bronze.critics", /Failed to rename table/],
  ...tooEarly("ingest", "bronze.critic_agg"),
];

const onLakehouse: Form[] = ["gold.kept", "bronze.critic_agg"].flatMap((table) =>
  [
    `DROP TABLE ${table}`,
    `ALTER TABLE ${table} RENAME TO gold.other`,
    `TRUNCATE TABLE ${table}`,
    `CREATE OR REPLACE TABLE ${table} AS SELECT 1 AS v`,
    `DROP SCHEMA ${table.split(".")[0]} CASCADE`,
    ...["optimize", ...upkeep].map((procedure) => `ALTER TABLE ${table} EXECUTE ${procedure}`),
  ].map((statement): Form => [statement, noRight]),
);

/** A branch of its own, on which it rewrites tables and does nothing else. */
const onUpkeep: Form[] = [
  ["DROP TABLE gold.kept", noRight],
  ["ALTER TABLE gold.kept RENAME TO gold.other", noRight],
  ["CREATE OR REPLACE TABLE gold.kept AS SELECT 1 AS v", noRight],
  ["DROP SCHEMA gold CASCADE", noRight],
  ...tooEarly("maintenance", "gold.kept"),
  ["ALTER TABLE gold.kept EXECUTE optimize", "done"],
];

export const forms: { user: TrinoUser; catalog: string; tried: Form[] }[] = [
  { user: "dbt", catalog: "audit", tried: onBranch },
  {
    user: "admin",
    catalog: "audit",
    tried: [
      ["CALL system.unregister_table('gold', 'kept')", byTrigger],
      // Row-level security hides the row from the delete, so that Trino goes on to the files: its key opens none.
      ["DROP TABLE bronze.critic_agg", /./],
      ["DROP SCHEMA bronze CASCADE", /./],
      ...onBranch,
    ],
  },
  { user: "ingest", catalog: "ingest", tried: onBronze },
  {
    user: "admin",
    catalog: "ingest",
    tried: [
      ...onBronze,
      ["CALL system.unregister_table('bronze', 'critic_agg')", byTrigger],
      // Trino cannot read its metadata and takes the table for damaged; row-level security hides the row.
      ["DROP TABLE gold.kept", /not found/],
      ["DROP SCHEMA gold CASCADE", /./],
    ],
  },
  { user: "maintenance", catalog: "maintenance", tried: onUpkeep },
  { user: "bi", catalog: "lakehouse", tried: onLakehouse },
  { user: "admin", catalog: "lakehouse", tried: onLakehouse },
];
