/** What each role of PostgreSQL may do with the pointers, the ledger and the branch functions. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Stack } from "../stack.ts";
import type { Running } from "./running.ts";

type Attempt = [statement: string, answer: RegExp];
interface Rules {
  role: string;
  may: Attempt[];
  refused: Attempt[];
}

const denied = /^ERROR: {2}permission denied/;
const notTheRolesRow = /^ERROR: {2}new row violates row-level security policy/;
const refusedRename = /^ERROR: {2}rename of lakehouse\.bronze\..* refused/;
/** Row-level security hides the row from the statement. */
const noRow = /^(UPDATE|DELETE) 0$/;
const someRows = /^(UPDATE|DELETE) [1-9]/;
const aCount = /^[1-9]\d*$/;

const touch = (where: string) =>
  `update iceberg.iceberg_tables set previous_metadata_location = null where ${where}`;
const remove = (where: string) => `delete from iceberg.iceberg_tables where ${where}`;
const insert = (catalog: string, namespace: string) =>
  `insert into iceberg.iceberg_tables values ('${catalog}', '${namespace}', 'access_probe', 's3://x/metadata/1', null, 'TABLE')`;
const published = "catalog_name = 'lakehouse' and table_namespace in ('silver', 'gold')";
const bronze = "catalog_name = 'lakehouse' and table_namespace = 'bronze'";
const audit = "catalog_name = 'audit' and table_namespace in ('silver', 'gold')";
const branch = "catalog_name = 'br_access' and table_namespace in ('silver', 'gold')";
const branchBronze = "catalog_name = 'br_access' and table_namespace = 'bronze'";
const maintenance = "catalog_name = 'maintenance'";
const auditBronze = "catalog_name = 'audit' and table_namespace = 'bronze'";

const noChange: Attempt[] = [touch("true"), remove("true"), insert("audit", "gold")].map((sql) => [
  sql,
  denied,
]);
const noBranchFunction: Attempt[] = [
  ["select branch.fork()", denied],
  ["select branch.next_publication()", denied],
  ["select branch.publish('{}')", denied],
  ["select branch.create_branch('probe', 1, '[]')", denied],
  ["select branch.drop_branch('access')", denied],
  ["select branch.note_tested('access', '{}')", denied],
  ["select branch.point('lakehouse', '[]')", denied],
  ["select branch.point_as_of(1, '[]')", denied],
  ["select branch.drop_as_of(1)", denied],
  ["select branch.recover_publication('{}')", denied],
  ["select branch.recover_pointers('[]', '[]')", denied],
  ["select branch.fork_for_maintenance()", denied],
  ["select branch.maintain('{}')", denied],
  ["select branch.erase('{}')", denied],
];
const noLedger: Attempt[] = [
  ["select * from ledger.batch", denied],
  ["select * from branch.publication", denied],
  ["select * from branch.branch", denied],
  ["select * from ledger.erasure", denied],
];
const forSuperusersAlone: Attempt[] = [
  ["create table iceberg.access_probe (film integer)", denied],
  ["create table public.access_probe (film integer)", denied],
  ["create temporary table access_probe (film integer)", denied],
  ["create schema access_probe", denied],
  ["truncate iceberg.iceberg_tables", denied],
  [
    "alter table iceberg.iceberg_tables disable row level security",
    /^ERROR: {2}(must be owner|permission denied)/,
  ],
  [
    "drop trigger refuse_drop_of_shared_files on iceberg.iceberg_tables",
    /^ERROR: {2}(must be owner|permission denied)/,
  ],
  ["set role iceberg_owner", denied],
  ["set session_replication_role = replica", denied],
  ["select * from pg_authid", denied],
  ["select pg_read_file('/run/secrets/catalog/env')", denied],
  ["copy (select 1) to program 'cat'", denied],
  ["create role access_probe", denied],
];

const rules: Rules[] = [
  {
    role: "trino_reader",
    may: [["select count(*) from iceberg.iceberg_tables", aCount]],
    refused: [...noChange, ...noBranchFunction, ...noLedger],
  },
  {
    role: "trino_ingest",
    may: [
      [touch(bronze), someRows],
      [insert("lakehouse", "bronze"), /^INSERT 0 1$/],
    ],
    refused: [
      [touch(published), noRow],
      [remove(published), noRow],
      [insert("lakehouse", "gold"), notTheRolesRow],
      [touch("catalog_name = 'audit'"), noRow],
      [remove("catalog_name = 'audit'"), noRow],
      [insert("audit", "bronze"), notTheRolesRow],
      [`update iceberg.iceberg_tables set table_namespace = 'gold' where ${bronze}`, refusedRename],
      [`update iceberg.iceberg_tables set table_name = 'probe' where ${bronze}`, refusedRename],
      [
        "insert into iceberg.iceberg_namespace_properties values ('lakehouse', 'x', 'y', 'z')",
        notTheRolesRow,
      ],
      ...noBranchFunction,
      ...noLedger,
    ],
  },
  {
    role: "trino_audit",
    may: [
      [touch(audit), someRows],
      [insert("audit", "gold"), /^INSERT 0 1$/],
    ],
    refused: [
      [touch("catalog_name <> 'audit'"), noRow],
      [remove("catalog_name <> 'audit'"), noRow],
      [insert("lakehouse", "gold"), notTheRolesRow],
      [insert("br_access", "gold"), notTheRolesRow],
      [touch(auditBronze), noRow],
      [remove(auditBronze), noRow],
      [insert("audit", "bronze"), notTheRolesRow],
      [`update iceberg.iceberg_tables set catalog_name = 'lakehouse' where ${audit}`, notTheRolesRow],
      [remove(audit), /^ERROR: {2}drop of audit\..* refused: its files are shared/],
      [
        "insert into iceberg.iceberg_namespace_properties values ('audit', 'bronze', 'y', 'z')",
        notTheRolesRow,
      ],
      ...noBranchFunction,
      ...noLedger,
    ],
  },
  {
    role: "trino_branch",
    may: [
      [touch(branch), someRows],
      [insert("br_access", "gold"), /^INSERT 0 1$/],
    ],
    refused: [
      ["update iceberg.iceberg_tables set table_name = '' where not starts_with(catalog_name, 'br_')", noRow],
      [remove("not starts_with(catalog_name, 'br_')"), noRow],
      ...["lakehouse", "audit", "at_1", "br"].map(
        (catalog): Attempt => [insert(catalog, "gold"), notTheRolesRow],
      ),
      [touch(branchBronze), noRow],
      [remove(branchBronze), noRow],
      [insert("br_access", "bronze"), notTheRolesRow],
      [`update iceberg.iceberg_tables set catalog_name = 'lakehouse' where ${branch}`, notTheRolesRow],
      [remove(branch), /^ERROR: {2}drop of br_access\..* refused: its files are shared/],
      [
        "insert into iceberg.iceberg_namespace_properties values ('br_access', 'bronze', 'y', 'z')",
        notTheRolesRow,
      ],
      ...noBranchFunction,
      ...noLedger,
    ],
  },
  {
    role: "trino_maintenance",
    may: [[touch(maintenance), someRows]],
    refused: [
      [touch("catalog_name <> 'maintenance'"), noRow],
      [remove("true"), denied],
      [insert("maintenance", "gold"), denied],
      [`update iceberg.iceberg_tables set catalog_name = 'lakehouse' where ${maintenance}`, notTheRolesRow],
      ["update iceberg.iceberg_namespace_properties set property_value = ''", denied],
      ...noBranchFunction,
      ...noLedger,
    ],
  },
  {
    role: "trino_operations",
    may: [
      ["select count(*) from health.deliveries", aCount],
      ["select count(*) from health.publications", aCount],
    ],
    refused: [
      ...noChange,
      ["select * from iceberg.iceberg_tables", denied],
      ["delete from health.deliveries", /^ERROR: {2}(permission denied|cannot delete)/],
      ...noBranchFunction,
      ...noLedger,
    ],
  },
  {
    role: "publisher",
    may: [
      ["select count(*) from branch.fork()", aCount],
      ["select id from branch.next_publication()", aCount],
      // May call it; this plan names none of the tables.
      [`select branch.publish('{"tables": []}')`, /^ERROR: {2}publish refused/],
      ["select branch.create_branch('probe', id - 1, '[]') is null from branch.next_publication()", /^f$/],
      ["select count(*) from branch.fork_for_maintenance()", aCount],
      [`select branch.maintain('{"tables": []}')`, /^ERROR: {2}publish refused/],
      [`select branch.erase('{"tables": []}')`, /^ERROR: {2}publish refused/],
    ],
    refused: [
      ...noChange,
      ...noLedger,
      ["delete from branch.publication_table", denied],
      ["update branch.branch set forked_from = 1", denied],
      // Its functions point branches and states of publications only.
      ["select branch.point('lakehouse', '[]')", denied],
      // Where there is something, nothing is recovered.
      ["select branch.recover_publication('{}')", /^ERROR: {2}recovery refused: the lakehouse is not empty/],
      [
        "select branch.recover_pointers('[]', '[]')",
        /^ERROR: {2}recovery refused: the lakehouse is not empty/,
      ],
    ],
  },
  {
    role: "ledger",
    may: [
      ["select count(*) from ledger.batch", aCount],
      ["update ledger.batch set run_id = run_id", someRows],
      ["select count(*) from branch.publication", aCount],
      ["select count(*) from branch.branch", aCount],
      ["select branch.is_empty()", /^f$/],
    ],
    refused: [
      ...noChange,
      ...noBranchFunction,
      ["delete from branch.publication", denied],
      ["delete from branch.branch", denied],
    ],
  },
  {
    role: "backup",
    may: [
      ["select count(*) from iceberg.iceberg_tables", aCount],
      ["select count(*) from ledger.batch", aCount],
      ["select count(*) from branch.publication", aCount],
      ["select count(*) from public.migration", aCount],
      ["select last_value from ledger.load_order", aCount],
    ],
    refused: [
      ...noChange,
      ...noBranchFunction,
      ["update ledger.batch set run_id = run_id", denied],
      ["delete from branch.publication", denied],
      ["delete from public.migration", denied],
      ["select nextval('ledger.load_order')", denied],
    ],
  },
];

/** Connects over the network, as the services do. */
const psql = (role: string) => `psql --no-psqlrc --no-password -At -h catalog -U ${role}`;

/** Runs each statement in a transaction that is rolled back; returns the first line of each answer. */
export async function answers(
  stack: Stack,
  role: string,
  password: string,
  statements: string[],
): Promise<string[]> {
  const script = statements.map((sql) => `\\echo ---\nbegin;\n${sql};\nrollback;\n`).join("");
  const shell = `${psql(role)} -d lakehouse 2>&1`;
  const words = ["exec", "-T", "-e", `PGPASSWORD=${password}`, "catalog", "sh", "-c", shell];
  const { stdout } = await stack.compose(words, { input: script });
  const blocks = stdout.split("---\n").slice(1);
  return blocks.map((block) => block.split("\n").find((line) => !/^(BEGIN|ROLLBACK)$/.test(line)) ?? "");
}

export function catalogDatabase(runningOf: () => Running): void {
  let stack: Stack;
  let secrets: Running["secrets"];
  const password = (role: string) => secrets[`PG_${role.toUpperCase()}_PASSWORD`] ?? "";
  beforeAll(async () => {
    ({ stack, secrets } = runningOf());
    await stack.catalogQuery("select count(*) from branch.fork_for_maintenance()");
  });

  describe.each(rules)("role $role", ({ role, may, refused }) => {
    const attempts = [...may, ...refused, ...forSuperusersAlone];
    let answer: Map<string, string>;
    beforeAll(async () => {
      const statements = attempts.map(([statement]) => statement);
      const lines = await answers(stack, role, password(role), statements);
      answer = new Map(statements.map((statement, index) => [statement, lines[index] ?? ""]));
    });
    it.each(may)("should be allowed: %s", (statement, says) => {
      expect(answer.get(statement)).toMatch(says);
    });
    it.each([...refused, ...forSuperusersAlone])("should be refused: %s", (statement, says) => {
      expect(answer.get(statement)).toMatch(says);
    });
  });

  it.each([
    ["a role without password", `${psql("publisher")} -d lakehouse`, "no password supplied"],
    [
      "a wrong password",
      `PGPASSWORD=wrong ${psql("publisher")} -d lakehouse`,
      "password authentication failed",
    ],
    [
      "the superuser",
      `PGPASSWORD=postgres ${psql("postgres")} -d lakehouse`,
      "password authentication failed",
    ],
    ["Superset in the lakehouse", `PGPASSWORD=wrong ${psql("superset")} -d lakehouse`, "pg_hba.conf rejects"],
    [
      "another role in Superset's database",
      `PGPASSWORD=wrong ${psql("publisher")} -d superset`,
      "no pg_hba.conf entry",
    ],
    ["another database", `PGPASSWORD=wrong ${psql("publisher")} -d postgres`, "no pg_hba.conf entry"],
  ])("should let nobody in over the network: %s", async (_what, command, says) => {
    const { code, stderr } = await stack.compose([
      "exec",
      "-T",
      "catalog",
      "sh",
      "-c",
      `${command} -c 'select 1'`,
    ]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(says);
  });
}
