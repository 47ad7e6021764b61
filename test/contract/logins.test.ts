/** What `reelhouse user` believes of Trino is what Trino's properties say. */
import { expect, it } from "vitest";
import { refreshMs } from "../../ingest/src/commands/user.ts";
import { roles } from "../../ingest/src/secrets/logins.ts";
import { firstGroups, readText } from "./repository.ts";

it.each(["password-authenticator", "group-provider"])(
  "should wait as long as %s keeps what it read",
  (name) => {
    const text = readText(`trino/etc/${name}.properties`);
    expect(
      firstGroups(text, /^file\.refresh-period=(\d+)s$/gm).map((seconds) => Number(seconds) * 1000),
    ).toEqual([refreshMs]);
  },
);

it("should know the groups of the access rules", () => {
  const groups = firstGroups(readText("trino/etc/access-rules.json"), /"group": "([^"]+)"/g);
  expect([...new Set(groups.flatMap((names) => names.split("|")))].sort()).toEqual([...roles].sort());
});
