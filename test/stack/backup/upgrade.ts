/** A catalog of another release: the same image with other migrations, beside the stack, with volumes of its own. */
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type CommandOptions, projectFolder, type Stack } from "../stack.ts";

export interface Catalog {
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
  return {
    compose,
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

function migrationsUpTo(stack: Stack, last: string, more: Record<string, string>): string {
  const folder = join(stack.folder, `migrations-${last.slice(0, 3)}`);
  const shipped = join(projectFolder, "catalog/migrations");
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(shipped))
    if (name <= last) copyFileSync(join(shipped, name), join(folder, name));
  for (const [name, sql] of Object.entries(more)) writeFileSync(join(folder, name), sql);
  return folder;
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
