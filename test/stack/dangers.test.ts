/**
 * The dangers of branches that share files, each with its guard; then everything that publications do, in random order,
 * against a model. One stack for both; its Trino has one more catalog, without guards, to show what they are for.
 */
import { afterAll, beforeAll, describe } from "vitest";
import { type Dangers, openDangers } from "./dangers/dangers.ts";
import { guards } from "./dangers/guards.ts";
import { harms } from "./dangers/harms.ts";
import { modelTest } from "./model/run.ts";
import { type Stack, startStack } from "./stack.ts";

let stack: Stack;
let dangers: Dangers;
beforeAll(async () => {
  stack = await startStack("dangers", { overlay: "test/stack/dangers/unguarded.yml" });
  dangers = await openDangers(stack);
});
afterAll(async () => {
  await dangers?.driver.end();
  await stack?.stop();
});

describe("with its guards, the lakehouse", () => guards(() => dangers));
describe("without its guard, a table", () => harms(() => dangers));
describe("fork, build, fail, publish, roll back and drop in any order", () => modelTest(() => dangers));
