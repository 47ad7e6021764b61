/**
 * What every catalog of Trino owes to the files that branches share. Those that are made while Trino runs are those of
 * trino/etc/catalog with another name and another login.
 */
import { describe, expect, it } from "vitest";
import { catalogProperties } from "../../ingest/src/branches/catalogs.ts";
import { firstGroups, listFiles, readText } from "./repository.ts";

const catalogs = listFiles("trino/etc/catalog").map((path) => ({ path, text: readText(path) }));
const isOfTables = ({ text }: { text: string }) => /^connector\.name=iceberg$/m.test(text);

describe.each(catalogs.filter(isOfTables))("$path", ({ text }) => {
  it("should bear an upload that is tried again (trinodb/trino#27400)", () =>
    expect(text).toMatch(/^s3\.exclusive-create=false$/m));

  it("should have its secrets from the environment", () => {
    const secrets = text.match(/^.*(password|key)=.*$/gm) ?? [];
    expect(secrets).toHaveLength(3);
    for (const secret of secrets) expect(secret).toMatch(/=\$\{ENV:[A-Z0-9_]+\}$/);
  });

  it("should refuse to expire and to remove orphans", () => {
    for (const procedure of ["expire-snapshots", "remove-orphan-files"])
      expect(text).toContain(`\niceberg.${procedure}.min-retention=36500d\n`);
  });
});

it("should lead to views of PostgreSQL in no catalog but operations, as a role of its own", () => {
  const others = catalogs.filter((catalog) => !isOfTables(catalog));
  expect(others.map(({ path }) => path)).toEqual(["trino/etc/catalog/operations.properties"]);
  expect(propertiesOf("operations")).toEqual({
    "connector.name": "postgresql",
    "connection-url": "jdbc:postgresql://catalog:5432/lakehouse",
    "connection-user": "trino_operations",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Trino fills it in
    "connection-password": "${ENV:PG_TRINO_OPERATIONS_PASSWORD}",
  });
});

/** Without comments. */
function propertiesOf(catalog: string): Record<string, string> {
  const lines = firstGroups(readText(`trino/etc/catalog/${catalog}.properties`), /^([a-z].*=.*)$/gm);
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
}

describe.each([
  ["br_trial", "audit", "trino_audit", "trino_branch"],
  ["at_7", "lakehouse", "trino_reader", "trino_reader"],
])("catalog %s", (catalog, model, role, ownRole) => {
  it(`should be as ${model}, with its own name and role`, () => {
    const text = JSON.stringify(propertiesOf(model))
      .replace(
        `"iceberg.jdbc-catalog.catalog-name":"${model}"`,
        `"iceberg.jdbc-catalog.catalog-name":"${catalog}"`,
      )
      .replaceAll(role, ownRole)
      .replaceAll(`_${role.toUpperCase()}_`, `_${ownRole.toUpperCase()}_`);
    const { "connector.name": connector, ...expected } = JSON.parse(text);
    expect(connector).toBe("iceberg");
    expect(catalogProperties(catalog)).toEqual(expected);
  });

  it("should name its secrets, and hold none", () => {
    const secrets = Object.entries(catalogProperties(catalog)).filter(([name]) => /password|key/.test(name));
    expect(secrets).toHaveLength(3);
    for (const [name, value] of secrets) expect(value, name).toMatch(/^\$\{ENV:[A-Z0-9_]+\}$/);
  });
});
