/** The limits that docs/security.md tells are those of Trino's files. */
import { expect, it } from "vitest";
import { firstGroups, readText } from "./repository.ts";

interface Group {
  name: string;
  hardConcurrencyLimit: number;
  maxQueued: number;
  softMemoryLimit: string;
  subGroups?: Group[];
}

const { rootGroups, selectors } = JSON.parse(readText("trino/etc/resource-groups.json"));
const [section = ""] = firstGroups(readText("docs/security.md"), /^## Limits\n([\s\S]*?)^## /gm);

const row = (whose: string, { hardConcurrencyLimit, maxQueued, softMemoryLimit }: Group) =>
  `| ${whose} | ${hardConcurrencyLimit} | ${maxQueued} | ${softMemoryLimit} |`;

it("should tell each resource group, and no other", () => {
  const rows = (rootGroups as Group[]).flatMap((group) =>
    group.subGroups
      ? [
          row(`\`${group.name}\` and people like it`, group),
          ...group.subGroups.map((each) => row("each of them", each)),
        ]
      : [row(`\`${group.name}\``, group)],
  );
  expect(firstGroups(section, /^(\| .*\d.*)$/gm)).toEqual(rows);
});

it("should tell how long a query may run, and how much memory it may take", () => {
  const config = readText("trino/etc/config.properties");
  for (const limit of firstGroups(config, /^query\.max-(?:execution-time|memory-per-node)=(.*)$/gm))
    expect(section).toContain(limit);
});

it("should put each user that the access rules know into a group", () => {
  const rules = readText("trino/etc/access-rules.json");
  const known = (kind: string) =>
    new Set(firstGroups(rules, new RegExp(`"${kind}": "([^"]+)"`, "g")).flatMap((names) => names.split("|")));
  const chosen = (kind: string) =>
    (selectors as Record<string, string>[]).map((selector) => selector[kind]).filter(Boolean);
  expect(chosen("user").sort()).toEqual([...known("user")].sort());
  expect(chosen("userGroup").sort()).toEqual([...known("group")].sort());
});
