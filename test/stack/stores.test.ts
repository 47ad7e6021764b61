/**
 * What the stack promises, on other stores than MinIO and with buckets of other names: SeaweedFS in its place, then a
 * service that somebody else runs.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { differences, expectedLake } from "../oracle/index.ts";
import { storeFront } from "./access/front.ts";
import { type Running, readSecrets } from "./access/running.ts";
import { objectStore, statuses } from "./access/store.ts";
import { csvFile, deliver, goldMovies, sampleDeliveries } from "./deliveries.ts";
import { documented } from "./documented.ts";
import { objectAt } from "./publications/objects.ts";
import { type Row, type Stack, startStack } from "./stack.ts";

let stack: Stack;
let external: Stack;
let backups: string;
/** What was backed up: the newest publication, and the second. */
let saved: Row[][];
const folder = mkdtempSync(join(process.env.TEST_FOLDER ?? tmpdir(), "external-store-"));
const prefix = "acme-2-";
const critics = (score: number) =>
  csvFile("critic_agg", [`Inception,2010,${score},300,8.1`, "Parasite,2019,99,400,9.0"]);
const scores = (of: Stack, when = "") =>
  of.query(`SELECT movie_title AS film, critic_score_percentage AS score FROM gold.movies_unified ${when}
    WHERE movie_title IN ('Inception', 'Parasite') ORDER BY 1`);
const script = async (of: Stack, words: string[]) => {
  const { code, stderr } = await of.script("reelhouse", words);
  expect(code, stderr).toBe(0);
};

beforeAll(async () => {
  stack = await startStack("seaweedfs", {
    keepsCli: true,
    env: { STORE: "seaweedfs", STORE_PREFIX: prefix },
  });
  backups = join(stack.folder, "backups");
});
afterAll(async () => {
  await stack?.stop();
  await external?.stop();
});

describe("SeaweedFS in the place of MinIO", () => {
  it("should publish gold that equals an independent computation", async () => {
    await stack.succeed(["run", "--no-export"]);
    const { movies } = expectedLake(sampleDeliveries());
    expect(differences(await goldMovies(stack), movies)).toEqual([]);
    expect((await stack.exec("store", ["sh", "-c", "cat /proc/[0-9]*/comm"])).stdout.split("\n")).toEqual(
      expect.arrayContaining(["weed", "haproxy"]),
    );
  });

  it("should publish a further delivery, take it back, and keep both readable", async () => {
    const before = await scores(stack);
    // As everybody writes it, whatever the bucket is called.
    await stack.succeed(["land", stack.write("landed.csv", critics(12)), "--to", "critics"]);
    stack.write("landed.yaml", "source: {critic_agg: 's3://landing/critics/'}\n");
    await stack.succeed(["run", "--no-export", "--config", "landed.yaml"]);
    expect(await stack.catalogQuery("select location from ledger.landed_object")).toBe(
      "s3://landing/critics/landed.csv",
    );
    const after = await scores(stack);
    expect(after).toContainEqual({ film: "Inception", score: 12 });
    await stack.succeed(["rollback"]);
    expect(await scores(stack)).toEqual(before);
    expect(await scores(stack, "FOR VERSION AS OF 'pub_2'")).toEqual(after);
  });

  it("should keep the files of branches and of earlier states in its own buckets", async () => {
    await stack.succeed(["branch", "create", "trial"]);
    await stack.query("CREATE TABLE gold.notes AS SELECT 'mine' AS note", "developer", "br_trial");
    const pathOf = 'SELECT DISTINCT "$path" AS path FROM gold.notes';
    const [{ path } = { path: "" }] = await stack.query(pathOf, "developer", "br_trial");
    expect(path).toMatch(new RegExp(`^s3://${prefix}warehouse/gold/notes-`));
    await stack.succeed(["branch", "drop", "trial"]);
    const films = "SELECT critic_score_percentage FROM gold.movies_unified WHERE movie_title = 'Inception'";
    const { stdout } = await stack.succeed(["sql", "--as-of", "2", films, "--format", "csv"]);
    expect(stdout).toContain("12");
  });

  it("should be backed up", async () => {
    await script(stack, ["backup", backups]);
    saved = [await scores(stack), await scores(stack, "FOR VERSION AS OF 'pub_2'")];
  });

  describe("keys", () => {
    let running: Running;
    beforeAll(async () => {
      running = await readSecrets(stack);
    });
    objectStore(() => running, { areProbesLeft: true });
    describe("behind the proxy", () => storeFront(() => running, { isMinio: false }));

    it("should be others after a rotation", async () => {
      const list = ["GET bronze?list-type=2&max-keys=1"];
      const login = async () => {
        const { S3_INGEST_ACCESS_KEY, S3_INGEST_SECRET_KEY } = await stack.secrets("store");
        return `${S3_INGEST_ACCESS_KEY}:${S3_INGEST_SECRET_KEY}`;
      };
      const old = await login();
      await script(stack, ["rotate"]);
      await stack.forgetContainers();
      expect(Object.values(await statuses(stack, old, list))).toEqual([403]);
      expect(Object.values(await statuses(stack, await login(), list))).toEqual([200]);
      expect(await scores(stack)).toEqual(saved[0]);
    });
  });

  it("should maintain, and erase every version of what held a row", async () => {
    await stack.succeed(documented("maintain"));
    const versions = () =>
      Promise.all(
        ["bronze?versions&prefix=originals/critic_agg/", "landing?versions&prefix=critics/"].map((place) =>
          objectAt(stack, "GET", prefix + place),
        ),
      );
    for (const list of await versions()) expect(list).toContain("<Version>");
    const erase = documented(`erase critic_agg --where "movie_title = 'Parasite'" --yes`, {
      Parasite: "Inception",
    });
    await stack.succeed([...erase, "--landing"]);
    for (const list of await versions()) expect(list).not.toContain("<Version>");
    const rows = await stack.query("SELECT movie_title AS title FROM bronze.critic_agg ORDER BY 1", "admin");
    expect(rows.map(({ title }) => title)).not.toContain("Inception");
    expect(rows.map(({ title }) => title)).toContain("Parasite");
  });

  it("should refuse the volume of another store, and say what to do", async () => {
    await stack.succeed(["idle"]);
    const { code, stderr } = await stack.compose(
      ["run", "--rm", "--no-deps", "-T", "--volume", `${stack.project}_store:/data:ro`, "store"],
      { env: { STORE: "minio" } },
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/holds what seaweedfs wrote: set STORE=seaweedfs .*docs\/object-store\.md/);
  });
});

describe("a service that somebody else runs", () => {
  const [all = "", reader = ""] = ["all", "reader"].map((name) => `${name}${randomBytes(6).toString("hex")}`);
  const secretOf = (key: string) => `${key}/+=`;
  const identity = (key: string, actions: string[]) => ({
    name: key,
    credentials: [{ accessKey: key, secretKey: secretOf(key) }],
    actions,
  });

  beforeAll(async () => {
    const users = join(folder, "users.json");
    const identities = [
      identity(all, ["Admin"]),
      identity(reader, [`Read:${prefix}warehouse`, `List:${prefix}warehouse`]),
    ];
    writeFileSync(users, JSON.stringify({ identities }));
    const keys = join(folder, "keys");
    const pair = (user: string, key: string) =>
      `S3_${user}ACCESS_KEY=${key}\nS3_${user}SECRET_KEY=${secretOf(key)}\n`;
    writeFileSync(keys, `# Ours\n${pair("", all)}${pair("TRINO_READER_", reader)}`);
    external = await startStack("external-store", {
      keepsCli: true,
      overlay: "test/stack/external-store.yml",
      env: {
        ...{ STORE: "s3", STORE_ENDPOINT: "http://external:9000", STORE_KEYS: keys, STORE_PREFIX: prefix },
        EXTERNAL_USERS: users,
      },
    });
  });

  it("should get the buckets, with versions and the rule that ends them", async () => {
    const { stdout } = await external.run("docker", ["logs", `${external.project}-buckets-1`]);
    expect(stdout).toBe("buckets: ready\n");
  });

  it("should take what was backed up from another store", async () => {
    await script(external, ["restore", backups]);
    expect([await scores(external), await scores(external, "FOR VERSION AS OF 'pub_2'")]).toEqual(saved);
  });

  it("should publish what is delivered from now on", async () => {
    deliver(external, { critic_agg: critics(34) });
    await external.succeed(["run", "--no-export"]);
    expect(await scores(external)).toContainEqual({ film: "Inception", score: 34 });
    await external.succeed(["doctor"]);
  });

  it.each([
    { words: ["run", "--no-export"], code: 2 },
    { words: ["backup"], code: 2 },
    { words: ["restore"], code: 2 },
    { words: ["doctor"], code: 5 },
  ])("should refuse another prefix than the tables were made with: $words", async ({ words, code }) => {
    const folder = ["backup", "restore"].includes(words[0] ?? "") ? [backups] : [];
    const refused = await external.script("reelhouse", [...words, ...folder], { env: { STORE_PREFIX: "" } });
    expect(refused).toMatchObject({ code });
    const said = refused.stdout + refused.stderr;
    expect(said).toMatch(/STORE_PREFIX: expected 'acme-2-', with which (the|its) tables were made, found ''/);
    expect(said).toContain("set STORE_PREFIX=acme-2- in .env");
  });

  it.each([
    ["connect", "duckdb"],
    ["credentials", "--user", "direct"],
    ["credentials", "--user", "landing", "--password"],
  ])("should have no key of its own to show: %s %s %s", async (...words) => {
    const { code, stdout, stderr } = await external.reelhouse(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("STORE=s3: the keys of http://external:9000 are yours");
  });

  it("should refuse a rotation with a file of keys that is wrong, while everything works on", async () => {
    const wrong = join(folder, "wrong-keys");
    writeFileSync(wrong, "S3_ACCESS_KEY=a\n");
    const { code, stderr } = await external.script("reelhouse", ["rotate"], { env: { STORE_KEYS: wrong } });
    expect(code).toBe(2);
    expect(stderr).toContain("S3_ACCESS_KEY and S3_SECRET_KEY belong together");
    expect(stderr).not.toContain("stopping");
    expect(await external.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("should not be left by a store that would start empty here, and that is told", async () => {
    for (const STORE of ["minio", "seaweedfs"]) {
      const run = ["run", "--rm", "--no-deps", "-T", "--volume", `${external.project}_store:/data:ro`];
      const { code, stderr } = await external.compose([...run, "store"], { env: { STORE } });
      expect(code, STORE).toBe(1);
      expect(stderr).toContain(
        "the files of this lakehouse are on the service http://external:9000: set STORE=s3",
      );
    }
  });

  it("should not be renewed by what renews the secrets", async () => {
    expect((await external.script("reelhouse", ["rotate"])).stderr).toContain(
      "the keys of your object store are those of STORE_KEYS",
    );
    await external.forgetContainers();
    expect(await scores(external)).toContainEqual({ film: "Inception", score: 34 });
  });

  it("should be asked by each user with that user's key", async () => {
    const ofReader = await external.secrets("trino");
    expect(ofReader.S3_TRINO_READER_ACCESS_KEY).toBe(reader);
    expect(ofReader.S3_TRINO_AUDIT_ACCESS_KEY).toBe(all);
    // That key sees the warehouse alone.
    await expect(external.query("SELECT count(*) FROM bronze.critic_agg", "admin")).rejects.toThrow(
      "Error accessing metadata file",
    );
  });
});
