/** What the stack's buckets are called: in the program, and in the policies of its users. */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { bucketsOf, onStore, stackBuckets } from "../../ingest/src/buckets.ts";
import { listFiles, projectFolder, readText } from "../contract/repository.ts";

const plain = { landing: "landing", bronze: "bronze", warehouse: "warehouse" };
const own = { landing: "acme-landing", bronze: "acme-bronze", warehouse: "acme-warehouse" };

describe("the stack's buckets", () => {
  it("should have the prefix before their names, which is none by default", () => {
    expect(bucketsOf("acme-")).toEqual(own);
    expect(bucketsOf("")).toEqual(plain);
    expect(stackBuckets).toEqual(plain);
  });

  it("should be found behind what people write", () => {
    expect(onStore("s3://landing/critics/landing/a.csv", own)).toBe(
      "s3://acme-landing/critics/landing/a.csv",
    );
    expect(onStore("s3://landing-zone/a.csv", own)).toBe("s3://landing-zone/a.csv");
    expect(onStore("s3://landing/a.csv")).toBe("s3://landing/a.csv");
  });
});

describe.each(listFiles("store/policies"))("%s", (path) => {
  const policy = (prefix: string) => {
    const env = { ...process.env, STORE_PREFIX: prefix };
    return execFileSync("store/policy.sh", [path], { cwd: projectFolder, env, encoding: "utf8" });
  };
  const resources = (text: string): string[] =>
    JSON.parse(text).Statement.flatMap(({ Resource }: { Resource: string[] }) => Resource);

  it("should be about the buckets by the names that they have", () => {
    expect(policy("")).toBe(readText(path));
    const named = resources(policy("acme-")).filter((resource) => resource !== "arn:aws:s3:::*");
    for (const resource of named)
      expect(resource).toMatch(/^arn:aws:s3:::acme-(landing|bronze|warehouse)(\/|$)/);
    expect(policy("acme-").replaceAll("acme-", "")).toBe(readText(path));
  });
});
