/**
 * Security from the first day: each rule is tried from outside, with what its user may do beside what is refused.
 * The parts share one running stack; each is a file in access/.
 */
import { afterAll, beforeAll, describe } from "vitest";
import { branchGuard } from "./access/branch.ts";
import { trinoDoor } from "./access/door.ts";
import { trinoStatements } from "./access/statements.ts";
import { objectStore } from "./access/store.ts";
import { type Stack, startStack } from "./stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack("access", { firstLoad: true });
});
afterAll(() => stack?.stop());

describe("Trino's door", () => trinoDoor(() => stack));
describe("Trino's users", () => trinoStatements(() => stack));
describe("the branch", () => branchGuard(() => stack));
describe("the object store", () => objectStore(() => stack));
