/** Security from the first day: each rule is tried from outside, with what its user may do beside what is refused. */
import { beforeAll, describe } from "vitest";
import type { Stack } from "../stack.ts";
import { branchGuard } from "./branch.ts";
import { catalogDatabase } from "./catalog.ts";
import { clientConnections } from "./clients.ts";
import { containers } from "./containers.ts";
import { trinoDoor } from "./door.ts";
import { storeFront } from "./front.ts";
import { people } from "./people.ts";
import { type Running, readSecrets } from "./running.ts";
import { trinoStatements } from "./statements.ts";
import { objectStore } from "./store.ts";

/** Of a stack that plain `docker compose up` started. */
export function access(stackOf: () => Stack): void {
  let running: Running;
  beforeAll(async () => {
    // br_access, and at_1.
    await stackOf().succeed(["branch", "create", "access"]);
    await stackOf().succeed(["sql", "--as-of", "1", "SELECT 1"]);
    running = await readSecrets(stackOf());
  });

  describe("Trino's door", () => trinoDoor(() => running));
  describe("Trino's users", () => trinoStatements(() => running));
  describe("the branch", () => branchGuard(() => running));
  describe("the object store", () => objectStore(() => running));
  describe("the front of the object store", () => storeFront(() => running));
  describe("the catalog database", () => catalogDatabase(() => running));
  describe("people", () => people(() => running));
  describe("reelhouse connect", () => clientConnections(() => running));
  describe("the containers", () => containers(() => running));
}
