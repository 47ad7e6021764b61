/** What every catalog of Trino owes to the files that branches share. */
import { describe, expect, it } from "vitest";
import { listFiles, readText } from "./repository.ts";

const catalogs = listFiles("trino/etc/catalog").map((path) => ({ path, text: readText(path) }));

describe.each(catalogs)("$path", ({ path, text }) => {
  it("should bear an upload that is tried again (trinodb/trino#27400)", () =>
    expect(text).toMatch(/^s3\.exclusive-create=false$/m));

  it("should have its secrets from the environment", () => {
    const secrets = text.match(/^.*(password|key)=.*$/gm) ?? [];
    expect(secrets).toHaveLength(3);
    for (const secret of secrets) expect(secret).toMatch(/=\$\{ENV:[A-Z0-9_]+\}$/);
  });

  it("should leave upkeep to the catalog that is made for it", () => {
    if (path.endsWith("/maintenance.properties")) return;
    for (const procedure of ["expire-snapshots", "remove-orphan-files"])
      expect(text).toContain(`\niceberg.${procedure}.min-retention=36500d\n`);
  });
});
