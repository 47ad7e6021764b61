/** What each user of Trino may do and what is refused. What is allowed shows that a refusal is the rule's. */
import { beforeAll, describe, expect, it } from "vitest";
import type { TrinoUser } from "../../../ingest/src/settings.ts";
import type { Running } from "./running.ts";

type Refusal = [statement: string, says: string];
interface Rules {
  user: TrinoUser;
  catalog: string;
  may?: string[];
  refused: Refusal[];
}

// Did a rule not hold, most of these would still change nothing: no row matches, no name is anybody's.
const changes: Refusal[] = [
  ["INSERT INTO gold.kpis_by_year SELECT * FROM gold.kpis_by_year WHERE false", "Cannot insert into table"],
  ["UPDATE gold.movies_unified SET movie_title = '' WHERE movie_title = 'nobody'", "Cannot update columns"],
  ["DELETE FROM gold.movies_unified WHERE movie_title = 'nobody'", "Cannot delete from table"],
  ["TRUNCATE TABLE gold.movies_unified", "Cannot truncate table"],
  ["CREATE TABLE gold.access_probe (film integer)", "Cannot create table"],
  ["CREATE OR REPLACE TABLE gold.kpis_by_year AS SELECT 1 AS film", "Cannot create table"],
  ["CREATE VIEW gold.access_probe AS SELECT 1 AS film", "Cannot create view"],
  ["CREATE SCHEMA access_probe", "Cannot create schema"],
  ["DROP TABLE gold.kpis_by_year", "Cannot drop table"],
  ["ALTER TABLE gold.kpis_by_year RENAME TO gold.access_probe", "Cannot rename table"],
  ["ALTER TABLE gold.kpis_by_year ADD COLUMN access_probe integer", "Cannot add a column"],
  ["ALTER TABLE gold.kpis_by_year SET PROPERTIES format_version = 2", "Cannot set table properties"],
  ["COMMENT ON TABLE gold.kpis_by_year IS 'access probe'", "Cannot comment table"],
  ["CALL system.unregister_table('gold', 'kpis_by_year')", "Cannot execute procedure"],
  ...[
    "optimize",
    "expire_snapshots(retention_threshold => '7d')",
    "remove_orphan_files(retention_threshold => '7d')",
    "add_files(location => 's3://bronze/rows/', format => 'PARQUET')",
  ].map((call): Refusal => {
    const procedure = call.replace(/\(.*/, "").toUpperCase();
    return [`ALTER TABLE gold.kpis_by_year EXECUTE ${call}`, `Cannot execute table procedure ${procedure}`];
  }),
];

/** For a catalog that the user has no business in: whatever is asked. */
const shut = (user: TrinoUser, catalog: string, table = "bronze.critic_agg"): Rules => ({
  user,
  catalog,
  refused: [
    ["SHOW SCHEMAS", `Cannot access catalog ${catalog}`],
    [`SELECT * FROM ${table}`, `Cannot access catalog ${catalog}`],
    ["CREATE TABLE bronze.access_probe (film integer)", `Cannot access catalog ${catalog}`],
    ["CREATE TABLE gold.access_probe (film integer)", `Cannot access catalog ${catalog}`],
  ],
});

/** Who writes a branch: dbt and developers, each in the catalogs that are theirs. */
function branchWriter([user, catalog]: readonly [TrinoUser, string]): Rules {
  return {
    user,
    catalog,
    may: [
      "SELECT * FROM bronze.critic_agg",
      "CREATE TABLE gold.access_probe AS SELECT 1 AS film, 'a' AS title",
      "INSERT INTO gold.access_probe VALUES (2, 'b')",
      "UPDATE gold.access_probe SET title = 'c' WHERE film = 2",
      "DELETE FROM gold.access_probe WHERE film = 2",
      "CREATE OR REPLACE TABLE gold.access_probe AS SELECT 3 AS film",
      "ALTER TABLE gold.access_probe RENAME TO gold.access_probe_2",
      "DROP TABLE gold.access_probe_2",
      `CREATE OR REPLACE VIEW gold.access_probe AS SELECT * FROM ${catalog}.bronze.critic_agg`,
      "DROP VIEW gold.access_probe",
    ],
    refused: [
      [
        "INSERT INTO bronze.critic_agg SELECT * FROM bronze.critic_agg WHERE false",
        "Cannot insert into table",
      ],
      ["DELETE FROM bronze.critic_agg WHERE movie_title = 'nobody'", "Cannot delete from table"],
      ["CREATE TABLE bronze.access_probe (film integer)", "Cannot create table"],
      ["CREATE VIEW bronze.access_probe AS SELECT 1 AS film", "Cannot create view"],
      ["ALTER TABLE bronze.critic_agg ADD COLUMN access_probe integer", "Cannot add a column"],
      ["ALTER TABLE gold.kpis_by_year RENAME TO bronze.access_probe", "Cannot rename table"],
      ["DROP TABLE bronze.critic_agg", "Cannot drop table"],
      ["CREATE SCHEMA access_probe", "Cannot create schema"],
      [
        "CREATE TABLE gold.access_probe (a integer) WITH (location = 's3://bronze/tables/probe')",
        "Failed to",
      ],
      ["CALL system.unregister_table('gold', 'kpis_by_year')", "Cannot execute procedure"],
      ["CALL system.register_table('gold', 'probe', 's3://warehouse/gold')", "Cannot execute procedure"],
      [
        `SET SESSION ${catalog}.remove_orphan_files_min_retention = '0s'`,
        "Cannot set catalog session property",
      ],
      [`DROP CATALOG ${catalog}`, "Cannot drop catalog"],
      ["CREATE CATALOG br_access_probe USING memory", "Cannot create catalog"],
    ],
  };
}

const rules: Rules[] = [
  {
    user: "bi",
    catalog: "lakehouse",
    may: [
      "SELECT * FROM gold.movies_unified",
      "SELECT * FROM silver.film_xref",
      'SELECT * FROM gold."movies_unified$snapshots"',
      "SHOW COLUMNS FROM gold.movies_unified",
      "SELECT * FROM system.jdbc.tables",
    ],
    refused: [
      ["SELECT * FROM bronze.critic_agg", "Cannot select from table"],
      ['SELECT * FROM bronze."critic_agg$files"', "Cannot select from table"],
      ["SELECT * FROM TABLE(system.table_changes('bronze', 'batches', 1, 2))", "Cannot execute function"],
      ["EXPLAIN SELECT * FROM bronze.critic_agg", "Cannot select from table"],
      ["SHOW STATS FOR bronze.critic_agg", "Cannot select from table"],
      ["SHOW TABLES FROM bronze", "Cannot show tables"],
      ["DESCRIBE bronze.critic_agg", "Cannot show columns"],
      ["SELECT * FROM system.runtime.queries", "Cannot select from table"],
      ["SELECT * FROM system.runtime.nodes", "Cannot select from table"],
      ["SET SESSION query_max_run_time = '1d'", "Cannot set system session property"],
      ["SET SESSION lakehouse.expire_snapshots_min_retention = '0s'", "Cannot set catalog session property"],
      ["CREATE CATALOG access_probe USING memory", "Cannot create catalog"],
      ["GRANT SELECT ON gold.movies_unified TO USER bi", "Cannot grant privilege"],
      ...changes,
    ],
  },
  shut("bi", "ingest"),
  shut("bi", "audit"),
  shut("bi", "br_access"),
  {
    user: "bi",
    catalog: "at_1",
    may: ["SELECT * FROM gold.movies_unified", "SELECT * FROM silver.film_xref"],
    refused: [
      ["SELECT * FROM bronze.critic_agg", "Cannot select from table"],
      ["SHOW TABLES FROM bronze", "Cannot show tables"],
      ["DROP CATALOG at_1", "Cannot drop catalog"],
      ["CREATE CATALOG at_2 USING memory", "Cannot create catalog"],
      ...changes,
    ],
  },
  shut("bi", "maintenance"),
  shut("admin", "maintenance"),
  shut("dbt", "maintenance"),
  shut("ingest", "maintenance"),
  {
    user: "maintenance",
    catalog: "maintenance",
    may: [
      "SELECT * FROM gold.kpis_by_year",
      "ALTER TABLE gold.kpis_by_year EXECUTE optimize",
      "ALTER TABLE bronze.critic_agg EXECUTE optimize_manifests",
      "ANALYZE gold.kpis_by_year",
      `SELECT * FROM system.runtime.queries WHERE "user" = 'maintenance'`,
    ],
    refused: [
      // It knows one branch, and would delete what another one or a publication needs.
      [
        "ALTER TABLE gold.kpis_by_year EXECUTE expire_snapshots(retention_threshold => '30d')",
        "is shorter than the minimum retention",
      ],
      [
        "ALTER TABLE gold.kpis_by_year EXECUTE remove_orphan_files(retention_threshold => '30d')",
        "is shorter than the minimum retention",
      ],
      [
        "SET SESSION maintenance.remove_orphan_files_min_retention = '0s'",
        "Cannot set catalog session property",
      ],
      ["CREATE TABLE gold.access_probe (film integer)", "Cannot create table"],
      ["CREATE VIEW gold.access_probe AS SELECT 1 AS film", "Cannot create view"],
      ["CREATE SCHEMA access_probe", "Cannot create schema"],
      ["DROP TABLE gold.kpis_by_year", "Cannot drop table"],
      ["ALTER TABLE gold.kpis_by_year RENAME TO gold.access_probe", "Cannot rename table"],
      ["ALTER TABLE gold.kpis_by_year ADD COLUMN access_probe integer", "Cannot add a column"],
      ["CALL system.unregister_table('gold', 'kpis_by_year')", "Cannot execute procedure"],
    ],
  },
  shut("maintenance", "lakehouse"),
  shut("maintenance", "ingest"),
  shut("maintenance", "audit"),
  {
    user: "admin",
    catalog: "lakehouse",
    may: [
      "SELECT * FROM bronze.critic_agg",
      "SELECT * FROM gold.movies_unified",
      "SELECT * FROM system.runtime.queries",
    ],
    // Read-only for everyone: nothing but a publication changes silver and gold.
    refused: [
      // Only those of branches and publications come and go.
      ["CREATE CATALOG access_probe USING memory", "Cannot create catalog"],
      ["DROP CATALOG lakehouse", "Cannot drop catalog"],
      ["SET SESSION audit.expire_snapshots_min_retention = '0s'", "Cannot set catalog session property"],
      ["SET SESSION br_access.expire_snapshots_min_retention = '0s'", "Cannot set catalog session property"],
      [
        "SET SESSION br_access.remove_orphan_files_min_retention = '0s'",
        "Cannot set catalog session property",
      ],
      ...changes,
    ],
  },
  {
    user: "admin",
    catalog: "at_1",
    may: ["SELECT * FROM bronze.critic_agg", "SELECT * FROM gold.movies_unified"],
    refused: changes,
  },
  {
    user: "admin",
    catalog: "br_access",
    may: [
      "SELECT * FROM bronze.critic_agg",
      "CREATE TABLE gold.access_probe_admin AS SELECT 1 AS film",
      "DROP TABLE gold.access_probe_admin",
    ],
    refused: [
      // Trino would let admin; PostgreSQL and the store do not.
      ["CREATE TABLE bronze.access_probe (film integer)", "violates row-level security policy"],
      ["DELETE FROM bronze.critic_agg WHERE movie_title = 'Parasite'", "Error committing write"],
    ],
  },
  {
    user: "admin",
    catalog: "ingest",
    may: ["SELECT * FROM bronze.critic_agg"],
    refused: [
      [
        "ALTER TABLE bronze.critic_agg EXECUTE expire_snapshots(retention_threshold => '30d')",
        "is shorter than the minimum retention",
      ],
      [
        "ALTER TABLE bronze.critic_agg EXECUTE remove_orphan_files(retention_threshold => '30d')",
        "is shorter than the minimum retention",
      ],
      ["SET SESSION ingest.expire_snapshots_min_retention = '0s'", "Cannot set catalog session property"],
      ["SET SESSION audit.remove_orphan_files_min_retention = '0s'", "Cannot set catalog session property"],
      ["CREATE TABLE gold.access_probe (film integer)", "violates row-level security policy"],
      ["DELETE FROM gold.kpis_by_year WHERE release_year = 0", "Error accessing metadata file"],
    ],
  },
  ...(
    [
      ["dbt", "audit"],
      ["dbt", "br_access"],
      ["developer", "br_access"],
    ] as const
  ).map(branchWriter),
  {
    user: "developer",
    catalog: "lakehouse",
    may: ["SELECT * FROM gold.movies_unified", "SELECT * FROM at_1.gold.movies_unified"],
    refused: [
      ["SELECT * FROM bronze.critic_agg", "Cannot select from table"],
      ["SET SESSION query_max_execution_time = '1d'", "Cannot set system session property"],
      ...changes,
    ],
  },
  {
    user: "developer",
    catalog: "system",
    may: ["SELECT * FROM jdbc.tables"],
    refused: [["SELECT * FROM runtime.queries", "Cannot select from table"]],
  },
  ...(["bi", "developer", "admin"] as const).map(
    (user): Rules => ({
      user,
      catalog: "operations",
      may: ["SELECT * FROM health.deliveries", "SELECT * FROM health.publications"],
      refused: [
        ["SELECT * FROM ledger.batch", "Cannot select from table"],
        ["SELECT * FROM branch.publication", "Cannot select from table"],
        ["SELECT * FROM TABLE(system.query(query => 'SELECT 1'))", "Cannot execute function"],
        ["DELETE FROM health.deliveries", "Cannot delete from table"],
        ["INSERT INTO health.publications (id) VALUES 0", "Cannot insert into table"],
        ["CREATE TABLE health.access_probe (film integer)", "Cannot create table"],
        ["CREATE SCHEMA access_probe", "Cannot create schema"],
        ["DROP TABLE health.deliveries", "Cannot drop table"],
        ["CALL system.execute(query => 'DELETE FROM ledger.batch')", "Cannot execute procedure"],
      ],
    }),
  ),
  ...(["dbt", "ingest", "maintenance"] as const).map((user) => shut(user, "operations", "health.deliveries")),
  shut("developer", "audit"),
  shut("developer", "ingest"),
  shut("dbt", "at_1"),
  {
    user: "dbt",
    catalog: "system",
    may: [
      `SELECT * FROM runtime.queries WHERE "user" = 'dbt'`,
      "SET SESSION query_max_execution_time = '15m'",
    ],
    refused: [["SET SESSION query_max_memory = '2GB'", "Cannot set system session property"]],
  },
  shut("dbt", "lakehouse"),
  shut("dbt", "ingest"),
  {
    user: "ingest",
    catalog: "ingest",
    may: [
      "CREATE TABLE bronze.access_probe (title varchar)",
      "INSERT INTO bronze.access_probe VALUES 'a'",
      "SELECT * FROM bronze.access_probe",
      "DROP TABLE bronze.access_probe",
      `SELECT * FROM system.runtime.queries WHERE "user" = 'ingest'`,
      "SET SESSION query_max_execution_time = '15m'",
    ],
    refused: [
      ["CREATE TABLE silver.access_probe (film integer)", "Cannot create table"],
      ["CREATE TABLE gold.access_probe (film integer)", "Cannot create table"],
      ["CREATE VIEW gold.access_probe AS SELECT 1 AS film", "Cannot create view"],
      ["CREATE SCHEMA access_probe", "Cannot create schema"],
      ["DROP TABLE gold.kpis_by_year", "Cannot drop table"],
      // Its store key does not open the files of silver and gold: that comes before the rules.
      ["SELECT * FROM gold.movies_unified", "Error accessing metadata file"],
      ["INSERT INTO gold.kpis_by_year SELECT * FROM gold.kpis_by_year", "Error accessing metadata file"],
      ["ALTER TABLE gold.kpis_by_year EXECUTE optimize", "Error accessing metadata file"],
      [
        "CREATE TABLE bronze.access_probe (a integer) WITH (location = 's3://warehouse/gold/probe')",
        "Failed",
      ],
      [
        "ALTER TABLE bronze.critic_agg EXECUTE add_files(location => 's3://warehouse/gold/', format => 'PARQUET')",
        "Failed to list location",
      ],
      ["DELETE FROM bronze.critic_agg WHERE movie_title = 'nobody'", "Cannot delete from table"],
      ["UPDATE bronze.critic_agg SET movie_title = '' WHERE movie_title = 'nobody'", "Cannot update columns"],
      ["SET SESSION ingest.expire_snapshots_min_retention = '0s'", "Cannot set catalog session property"],
      ["SET SESSION query_max_memory = '2GB'", "Cannot set system session property"],
    ],
  },
  shut("ingest", "lakehouse"),
  shut("ingest", "audit"),
  shut("ingest", "br_access"),
];

export function trinoStatements(runningOf: () => Running): void {
  const query: Running["stack"]["query"] = (...words) => runningOf().stack.query(...words);
  // Without it there is no table in its catalog.
  beforeAll(async () => {
    await runningOf().stack.catalogQuery("select count(*) from branch.fork_for_maintenance()");
  });

  describe.each(rules)("$user in catalog $catalog", ({ user, catalog, may = [], refused }) => {
    it.each(may)("should be allowed: %s", async (statement) => {
      await query(statement, user, catalog);
    });
    it.each(refused)("should be refused: %s", async (statement, says) => {
      await expect(query(statement, user, catalog)).rejects.toThrow(says);
    });
  });

  it.each([
    ["bi", "at_1,lakehouse,operations,system"],
    ["dbt", "audit,br_access,system"],
    ["developer", "at_1,br_access,lakehouse,operations,system"],
    ["ingest", "ingest,system"],
    ["admin", "at_1,audit,br_access,ingest,lakehouse,operations,system"],
  ] as const)("should show %s the catalogs %s only", async (user, catalogs) => {
    const shown = await query("SHOW CATALOGS", user, "system");
    expect(shown.map(({ Catalog }) => Catalog).sort()).toEqual(catalogs.split(","));
  });

  it.each([
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'bronze'",
    "SELECT column_name FROM information_schema.columns WHERE table_schema = 'bronze'",
    "SELECT table_name FROM system.jdbc.tables WHERE table_schem = 'bronze'",
    "SELECT table_name FROM system.metadata.table_comments WHERE catalog_name = 'lakehouse' AND schema_name = 'bronze'",
  ])("should show bi nothing of bronze: %s", async (statement) => {
    expect(await query(statement)).toEqual([]);
    expect(await query(statement, "admin")).not.toEqual([]);
  });
}
