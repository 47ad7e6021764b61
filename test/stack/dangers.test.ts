/**
 * The dangers of branches that share files, each with its guard; everything that publications do, in random order, against
 * a model; and what happens without the guards. One stack for all; its Trino has one more catalog, without guards.
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
describe("fork, build, fail, publish, roll back and drop in any order", () => modelTest(() => dangers));
// Last: it leaves tables that nobody can read.
describe("without its guard, a table", () => harms(() => dangers));
