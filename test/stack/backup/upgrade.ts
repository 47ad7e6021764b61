/**
 * What another release has left, beside the stack, in volumes of its own: a catalog, which is the same image with other
 * migrations, the secrets of an earlier layout, and a store from before the rest of its buckets and users.
 */
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type CommandOptions, projectFolder, type Stack } from "../stack.ts";

export interface Catalog {
  /** Makes the secrets, then takes away what came since; answers what is left, by name. */
  leaveSecrets(): Promise<Record<string, string>>;
  /** All of them, by name. */
  secrets(): Promise<Record<string, string>>;
  /** Puts an object into the store's volume, with the server's own names of that time. */
  leaveObject(root: Record<string, string>, name: string, content: string): Promise<void>;
  compose(words: string[], options?: CommandOptions): ReturnType<Stack["compose"]>;
  /** Starts a catalog that knows the migrations up to `last`, and `more` of its own, until `work` is done. */
  withMigrations(
    last: string,
    more: Record<string, string>,
    work: (catalog: Running) => Promise<void>,
  ): Promise<void>;
  /** In the catalog of this release. */
  query(sql: string): Promise<string>;
  remove(): Promise<void>;
}
interface Running {
  run(program: string, words: string[]): Promise<string>;
  query(sql: string): Promise<string>;
}

const psql = ["--no-psqlrc", "-At", "--set", "ON_ERROR_STOP=1", "--dbname", "lakehouse", "--command"];

export function otherCatalog(stack: Stack): Catalog {
  const project = `${stack.project}-upgrade`;
  const compose: Catalog["compose"] = (words, options = {}) =>
    stack.compose(words, { ...options, env: { COMPOSE_PROJECT_NAME: project } });
  const succeed = async (program: string, words: string[]) => {
    const { code, stdout, stderr } = await stack.run(program, words, {
      env: { COMPOSE_PROJECT_NAME: project },
    });
    if (code !== 0) throw new Error(`${program} ${words.join(" ")}: ${stderr}`);
    return stdout.trim();
  };
  const inSecrets = async (program: string, words: string[]) => {
    const run = ["run", "--rm", "--no-deps", "-T", "--entrypoint", program, "secrets", ...words];
    const { code, stdout, stderr } = await compose(run);
    if (code !== 0) throw new Error(`${program}: ${stderr}`);
    return stdout;
  };
  const secrets = async () => JSON.parse(await inSecrets("cat", ["/secrets/root/secrets.json"]));
  return {
    compose,
    secrets,
    async leaveSecrets() {
      await compose(["run", "--rm", "secrets"]);
      await inSecrets("node", ["-e", olderLayout]);
      return secrets();
    },
    async leaveObject({ MINIO_ROOT_USER: user, MINIO_ROOT_PASSWORD: password }, name, content) {
      const variables = { MINIO_ROOT_USER: user, MINIO_ROOT_PASSWORD: password, NAME: name };
      const words = Object.entries(variables).flatMap(([key, value]) => ["--env", `${key}=${value}`]);
      const run = [
        "run",
        "--rm",
        "--no-deps",
        "-T",
        ...words,
        "--entrypoint",
        "bash",
        "store",
        "-c",
        putObject,
      ];
      const { code, stderr } = await compose(run, { input: content });
      if (code !== 0) throw new Error(stderr);
    },
    async withMigrations(last, more, work) {
      const folder = migrationsUpTo(stack, last, more);
      const name = `${project}-${last.slice(0, 3)}`;
      const words = ["run", "--detach", "--rm", "--no-deps", "--name", name];
      const started = await compose([
        ...words,
        "--volume",
        `${folder}:/opt/catalog/migrations:ro`,
        "catalog",
      ]);
      if (started.code !== 0) throw new Error(started.stderr);
      const run: Running["run"] = (program, own) => succeed("docker", ["exec", name, program, ...own]);
      await untilReady(run);
      await work({ run, query: (sql) => run("psql", [...psql, sql]) });
      await succeed("docker", ["stop", name]);
    },
    query: (sql) => succeed("docker", ["exec", `${project}-catalog-1`, "psql", ...psql, sql]),
    remove: async () => void (await compose(["down", "--volumes", "--remove-orphans"])),
  };
}

/** As the secrets were before the store had its name, and before some of its users, Superset and the direct port. */
const olderLayout = `
const { readFileSync, readdirSync, rmSync, writeFileSync } = require("node:fs");
const file = "/secrets/root/secrets.json";
const all = JSON.parse(readFileSync(file, "utf8"));
const newer = /^(STORE_ROOT|SUPERSET|TRINO_MAINTENANCE|S3_(DIRECT|BACKUP|RESTORE|ERASURE|(TRINO_)?MAINTENANCE))_/;
const older = Object.fromEntries(Object.entries(all).filter(([name]) => !newer.test(name)));
older.MINIO_ROOT_USER = "a".repeat(20);
older.MINIO_ROOT_PASSWORD = "b".repeat(64);
writeFileSync(file, JSON.stringify(older));
for (const folder of ["store", "superset", "docs", "direct"])
  for (const name of readdirSync("/secrets/" + folder)) rmSync("/secrets/" + folder + "/" + name);
for (const name of ["direct.pem", "direct.key", "direct.crt"]) rmSync("/secrets/root/" + name);
`;

const putObject = `set -eu
export MC_CONFIG_DIR=/dev/shm/mc MC_HOST_old="http://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:9001"
minio server /data --address 127.0.0.1:9001 --quiet >&2 &
until mc --quiet ls old >/dev/null 2>&1; do sleep 0.2; done
mc --quiet mb "old/\${NAME%%/*}" >&2
mc --quiet pipe "old/$NAME" >&2
kill %1
wait || true
`;

function migrationsUpTo(stack: Stack, last: string, more: Record<string, string>): string {
  const folder = join(stack.folder, `migrations-${last.slice(0, 3)}`);
  const shipped = join(projectFolder, "catalog/migrations");
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(shipped))
    if (name <= last) copyFileSync(join(shipped, name), join(folder, name));
  for (const [name, sql] of Object.entries(more)) writeFileSync(join(folder, name), sql);
  return folder;
}

/** The names of all secrets that this release makes. */
export async function secretNames(stack: Stack): Promise<string[]> {
  const cat = [
    "run",
    "--rm",
    "--no-deps",
    "-T",
    "--entrypoint",
    "cat",
    "secrets",
    "/secrets/root/secrets.json",
  ];
  return Object.keys(JSON.parse((await stack.compose(cat)).stdout)).sort();
}

async function untilReady(run: Running["run"]): Promise<void> {
  const deadlineMs = Date.now() + 60_000;
  for (;;) {
    // Over TCP: it has a port when its schema is there.
    const isReady = await run("pg_isready", ["--quiet", "--host", "localhost"]).then(
      () => true,
      () => false,
    );
    if (isReady) return;
    if (Date.now() > deadlineMs) throw new Error("the catalog is not ready 60 s after its start");
    await sleep(200);
  }
}
