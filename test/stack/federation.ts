/** A PostgreSQL database of somebody's beside the lakehouse, as docs/federation.md has it. */
import { expect } from "vitest";
import { firstGroups, readText } from "../contract/repository.ts";
import type { Stack } from "./stack.ts";

const page = readText("docs/federation.md");

/** From Trino's next start on: the page's catalog, at the database that a test has, and one that cannot be made. */
export function addCatalogs(stack: Stack): void {
  const [properties = ""] = firstGroups(page, /```properties\n(.*?)```/gs);
  stack.write("federation/crm.properties", properties.replace("host.docker.internal", "catalog"));
  stack.write("federation/broken.properties", "connector.name=nothing\n");
  stack.env.FEDERATION_SECRETS = "OTHER=a CRM_PASSWORD=probe";
}

/** A database of its own: the stack's server has room for one, until its next start. */
async function makeDatabase(stack: Stack): Promise<void> {
  const statements = `create role reelhouse login password 'probe';
create database crm;
\\connect crm
create table licences (title text, release_year integer, fee_usd bigint, ends_on date);
insert into licences values ('Inception', 2010, 1000000, '2027-01-01'), ('Parasite', 2019, 1, '2027-01-01');
grant select, insert on licences to reelhouse;
\\! echo "host crm reelhouse samenet scram-sha-256" >> "$PGDATA/pg_hba.conf"
select pg_reload_conf();
`;
  const psql = ["psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", "postgres"];
  const { code, stderr } = await stack.exec("catalog", psql, { input: statements });
  expect(code, stderr).toBe(0);
}

export async function joinsBoth(stack: Stack): Promise<void> {
  await makeDatabase(stack);
  const [join = ""] = firstGroups(page, /```sql\n(.*?)```/gs);
  expect(await stack.query(join)).toEqual([
    { movie_title: "Inception", profit_usd: 568276195, fee_usd: 1000000, ends_on: "2027-01-01" },
  ]);
  expect(await stack.query("SHOW TABLES FROM ext_crm.public")).toEqual([{ Table: "licences" }]);
}

/** The database's role may insert here: it is Trino that refuses. */
export async function onlyReads(stack: Stack): Promise<void> {
  for (const user of ["bi", "developer", "admin"] as const)
    await expect(
      stack.query("INSERT INTO ext_crm.public.licences VALUES ('Heat', 1995, 1, current_date)", user),
    ).rejects.toThrow("Cannot insert into table");
  // A procedure of the connector, which would send the statement on as it is.
  const call = "CALL ext_crm.system.execute(query => 'DELETE FROM licences')";
  for (const user of ["bi", "developer", "admin"] as const)
    await expect(stack.query(call, user)).rejects.toThrow("Cannot execute procedure");
  for (const [user, catalog] of [
    ["dbt", "audit"],
    ["ingest", "ingest"],
  ] as const)
    await expect(stack.query("SELECT * FROM ext_crm.public.licences", user, catalog)).rejects.toThrow(
      "Cannot access catalog ext_crm",
    );
  await expect(stack.query("SELECT * FROM TABLE(ext_crm.system.query(query => 'SELECT 1'))")).rejects.toThrow(
    "Cannot execute function",
  );
}
