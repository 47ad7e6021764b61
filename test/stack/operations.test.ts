/** ./scripts/up and ./scripts/down as a user meets them: first start, second start, stop, deletion, interruption. */
import { mkdirSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { goldMovies } from "./deliveries.ts";
import { interrupted, projectFolder, type Stack, unstartedStack } from "./stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await unstartedStack("operations");
});
afterAll(() => stack?.stop());

describe("./scripts/up", () => {
  it("should refuse a port that another program has, before it changes anything", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((ready) => server.once("listening", ready));
    const { port } = server.address() as { port: number };
    const outcome = await stack.script("up", [], { env: { TRINO_PORT: String(port) } });
    server.close();
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain(`need port ${port} free on 127.0.0.1`);
    const faulty = await stack.script("up", [], { env: { TRINO_PORT: "lots" } });
    expect(faulty.stderr).toContain("need a port number for TRINO_PORT, found 'lots'");
    expect((await stack.compose(["ps", "--all", "--quiet"])).stdout).toBe("");
  });

  it("should refuse an unknown word with 2 and how it is used", async () => {
    const outcome = await stack.script("up", ["--flims"]);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain("unknown word '--flims'");
    expect(outcome.stderr).toContain("Usage: ./scripts/up");
  });

  it("should go from nothing to the gold rows on the screen", async () => {
    const outcome = await stack.script("up", []);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(outcome.stdout).toMatch(/Inception +\| +2010 \| +87 \| +9.1 \| +828276195 \| +568276195 \|/);
    expect(outcome.stdout).toContain(`https://localhost:${stack.trinoPort}`);
    expect(outcome.stdout).toContain("./scripts/reelhouse credentials");
  });

  it("should add what the data of an older release lack: the landing bucket, its user and its keys", async () => {
    const { STORE_ROOT_USER, STORE_ROOT_PASSWORD, S3_LANDING_ACCESS_KEY } = await stack.secrets("store");
    const root = ["-e", `MC_HOST_store=http://${STORE_ROOT_USER}:${STORE_ROOT_PASSWORD}@store:9000`];
    const remove = `mc rb --force store/landing && mc admin user rm store ${S3_LANDING_ACCESS_KEY}`;
    const mc = ["exec", "-T", "-e", "MC_CONFIG_DIR=/tmp/mc-test", ...root, "store", "sh", "-ec", remove];
    expect((await stack.compose(mc)).code).toBe(0);
    const files = "/secrets/root/secrets.json /secrets/store/env /secrets/reelhouse/env";
    const forget = ["run", "--rm", "--no-deps", "-T", "--entrypoint", "sed", "secrets", "-i", "/LANDING/d"];
    expect((await stack.compose([...forget, ...files.split(" ")])).code).toBe(0);
    expect((await stack.reelhouse(["credentials"])).stderr).toContain("missing: S3_LANDING_ACCESS_KEY");
    expect((await stack.script("up", [])).code).toBe(0);
    await stack.succeed(["land", "data/sample/critic_agg.csv", "--to", "upgraded"]);
    expect((await stack.secrets("store")).S3_LANDING_ACCESS_KEY).not.toBe(S3_LANDING_ACCESS_KEY);
  });

  it("should do nothing twice", async () => {
    const outcome = await stack.script("up", []);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(outcome.stderr).toContain("nothing new since publication 1");
    expect(JSON.parse((await stack.succeed(["history", "--json"])).stdout)).toHaveLength(1);
  });
});

describe("./scripts/reelhouse", () => {
  it("should leave exports to the caller, whoever that is", async () => {
    const { gid } = statSync("/var/run/docker.sock");
    const uid = 12345;
    const folder = join(stack.folder, "home");
    mkdirSync(folder, { recursive: true });
    stack.write(
      "home/export.yaml",
      `source:\n  critic_agg: ${stack.folder}/data/sample/critic_agg.csv\noutput:\n  gold: out/gold\n`,
    );
    await stack.run("chown", ["-R", `${uid}:${gid}`, folder]);
    const words = [
      `--reuid=${uid}`,
      `--regid=${gid}`,
      "--clear-groups",
      join(projectFolder, "scripts/reelhouse"),
    ];
    const outcome = await stack.run("setpriv", [...words, "export", "--config", "export.yaml"], {
      cwd: folder,
      env: { HOME: folder },
    });
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(statSync(join(folder, "out/gold/movies_unified.csv"))).toMatchObject({ uid, gid });
  });

  it("should show progress, not JSON, on a terminal", async () => {
    const onTerminal = ["-qec", `${join(projectFolder, "scripts/reelhouse")} run --force`, "/dev/null"];
    const { code, stdout } = await stack.run("script", onTerminal);
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/model movies_unified: success/);
    expect(stdout).toMatch(/publication 2: \d+ tables, \d+ tests passed/);
    expect(stdout).not.toContain('"level"');
  });

  it("should end with 130 on Ctrl-C and let the next run go on", async () => {
    const outcome = await interrupted(stack, ["run", "--force"], { when: async (stderr) => stderr !== "" });
    expect(outcome.code, outcome.stderr).toBe(130);
    expect(outcome.stderr).toContain("interrupted");
    expect(JSON.parse((await stack.succeed(["history", "--json"])).stdout)).toHaveLength(2);
    await stack.succeed(["run", "--force"]);
    expect(JSON.parse((await stack.succeed(["history", "--json"])).stdout)).toHaveLength(3);
  });
});

describe("./scripts/down", () => {
  it("should keep the data, though a rotation was cut off when the servers had stopped", async () => {
    const before = await goldMovies(stack);
    expect((await stack.script("down", [])).code).toBe(0);
    expect((await stack.compose(["ps", "--all", "--quiet"])).stdout).toBe("");
    const old = await stack.secrets("cli");
    expect((await stack.compose(["run", "--rm", "--no-deps", "-T", "secrets", "rotate"])).code).toBe(0);
    // Waits for the first load too, and finds nothing new.
    const started = await stack.compose(["up", "--detach", "--wait"]);
    expect(started.code, started.stderr).toBe(0);
    await stack.forgetContainers();
    expect((await stack.secrets("cli")).TRINO_BI_PASSWORD).not.toBe(old.TRINO_BI_PASSWORD);
    expect(await goldMovies(stack)).toEqual(before);
  });

  it("should ask before it deletes data", async () => {
    const kept = await stack.script("down", ["--delete-data"], { input: "no\n" });
    expect(kept.code).toBe(1);
    expect(kept.stderr).toContain("nothing was deleted");
    expect(await volumes()).not.toEqual([]);
    const deleted = await stack.script("down", ["--delete-data"], { input: "yes\n" });
    expect(deleted.code, deleted.stderr).toBe(0);
    expect(await volumes()).toEqual([]);
  });

  async function volumes(): Promise<string[]> {
    const filter = `label=com.docker.compose.project=${stack.project}`;
    return (await stack.run("docker", ["volume", "ls", "--quiet", "--filter", filter])).stdout
      .split("\n")
      .filter(Boolean);
  }
});
