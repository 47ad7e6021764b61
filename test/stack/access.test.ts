/**
 * Security from the first day: each rule is tried from outside, with what its user may do beside what is refused.
 * The parts share one running stack; each is a file in access/.
 */
import { afterAll, beforeAll, describe } from "vitest";
import { branchGuard } from "./access/branch.ts";
import { catalogDatabase } from "./access/catalog.ts";
import { containers } from "./access/containers.ts";
import { trinoDoor } from "./access/door.ts";
import { type Running, readSecrets } from "./access/running.ts";
import { trinoStatements } from "./access/statements.ts";
import { objectStore } from "./access/store.ts";
import { type Stack, startStack } from "./stack.ts";

let stack: Stack;
let running: Running;
beforeAll(async () => {
  stack = await startStack("access", { firstLoad: true });
  // br_access, and at_1.
  await stack.succeed(["branch", "create", "access"]);
  await stack.succeed(["sql", "--as-of", "1", "SELECT 1"]);
  running = await readSecrets(stack);
});
afterAll(() => stack?.stop());

describe("Trino's door", () => trinoDoor(() => running));
describe("Trino's users", () => trinoStatements(() => running));
describe("the branch", () => branchGuard(() => running));
describe("the object store", () => objectStore(() => running));
describe("the catalog database", () => catalogDatabase(() => running));
describe("the containers", () => containers(() => running));
