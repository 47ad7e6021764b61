/** The catalogs that are made while Trino runs are those of trino/etc/catalog with another name and another login. */
import { describe, expect, it } from "vitest";
import { catalogProperties } from "../../ingest/src/branches/catalogs.ts";
import { firstGroups, readText } from "./repository.ts";

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
