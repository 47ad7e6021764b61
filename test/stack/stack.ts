/**
 * The real stack, driven as a user would: testcontainers starts docker-compose.yml under a project name of its own
 * on a free port, tests run ./scripts/reelhouse and SQL against it, and it goes away with its volumes.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DockerComposeEnvironment, Wait } from "testcontainers";
import { type Settings, type TrinoUser, trinoUsers } from "../../ingest/src/settings.ts";
import { type Cell, connectTrino } from "../../ingest/src/trino.ts";
import { type KeptCli, keptCli } from "./kept-cli.ts";

/** The checkout as the Docker engine's host sees it. */
export const projectFolder = process.env.REELHOUSE_PROJECT ?? resolve(import.meta.dirname, "../..");
/** Part of each project's name, so that scripts/test finds what an interrupted run left behind. */
const testRun = process.env.TEST_RUN ?? randomBytes(3).toString("hex");
const scratchFolder = process.env.TEST_FOLDER ?? tmpdir();

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}
export type Row = Record<string, Cell>;

export interface CommandOptions {
  /** The folder that the caller stands in (default: the stack's own folder). */
  cwd?: string;
  env?: Record<string, string>;
  input?: string;
  /** Hears what the program says while it runs. */
  onStderr?: (text: string) => void;
}

export interface Stack {
  project: string;
  /** A folder of the test's own, with the sample in data/sample and its pipeline.yaml. */
  folder: string;
  trinoPort: number;
  /** What compose needs to mean this project. */
  env: Record<string, string>;
  /** `./scripts/reelhouse WORDS`, or in the kept container: see startStack. */
  reelhouse(words: string[], options?: CommandOptions): Promise<Outcome>;
  /** As `reelhouse`, and fails the test unless the command ends with 0. */
  succeed(words: string[], options?: CommandOptions): Promise<Outcome>;
  compose(words: string[], options?: CommandOptions): Promise<Outcome>;
  /** What stands before the words of `compose`, for a test that talks with the program while it runs. */
  composeCommand: readonly [string, ...string[]];
  /** Any program, in the stack's folder and environment. */
  run(program: string, words: string[], options?: CommandOptions): Promise<Outcome>;
  script(name: string, words: string[], options?: CommandOptions): Promise<Outcome>;
  /** A program in the container of a server, which is there already. */
  exec(
    service: Server | Optional,
    words: string[],
    options?: Pick<CommandOptions, "input">,
  ): Promise<Outcome>;
  /** For commands whose own container is not what a test is about. */
  cli: KeptCli;
  /** One statement through Trino with the password of `user`; rows as objects. */
  query(sql: string, user?: TrinoUser, catalog?: string): Promise<Row[]>;
  /** One statement in PostgreSQL as its superuser, rows as text lines with `|` between the cells. */
  catalogQuery(sql: string): Promise<string>;
  /** The generated secrets of one service, by name. */
  secrets(service: Server | Optional | "cli"): Promise<Record<string, string>>;
  /** For containers and volumes that were made anew: the next query logs in with what their stack has. */
  forgetContainers(): Promise<void>;
  /** Writes a file below `folder` and returns its path. */
  write(name: string, content: string | Buffer): string;
  stop(): Promise<void>;
}

type Server = "store" | "catalog" | "trino" | "dbt";
/** Servers of a profile: only with ./scripts/up --bi, --docs, --direct. */
type Optional = "superset" | "docs" | "direct";
const servers: Server[] = ["store", "catalog", "trino", "dbt"];

const composeFile = "docker-compose.yml";
const shortLived = "test/stack/short-lived.yml";
const smallModels = "test/stack/small-models.yml";

interface StackOptions {
  /** Everything is started, as plain `docker compose up` does, not only the servers. */
  firstLoad?: boolean;
  /** A further compose file, relative to the project. */
  overlay?: string;
  /** Settings that differ from those of .env.example. */
  env?: Record<string, string>;
  /** For a test whose subject is not the film models: see small-models.yml. */
  hasSmallModels?: boolean;
  /** For a test whose subject is not ./scripts/reelhouse: `reelhouse` and `succeed` run all commands in one container. */
  keepsCli?: boolean;
}

/**
 * Starts the servers. While writing a test, ATTACH names a running project to use instead: it is neither started nor
 * stopped.
 */
export async function startStack(
  name: string,
  { firstLoad = false, overlay, ...options }: StackOptions = {},
): Promise<Stack> {
  const files = [
    composeFile,
    ...(firstLoad ? [] : [shortLived]),
    ...(options.hasSmallModels ? [smallModels] : []),
    ...(overlay === undefined ? [] : [overlay]),
  ];
  const stack = await unstartedStack(name, files, options);
  if (process.env.ATTACH) return stack;
  await new DockerComposeEnvironment(projectFolder, files)
    .withProjectName(stack.project)
    .withEnvironment(stack.env)
    .withWaitStrategy("secrets-1", Wait.forOneShotStartup())
    .withWaitStrategy("buckets-1", Wait.forOneShotStartup())
    .withWaitStrategy("ingest-1", Wait.forOneShotStartup())
    .withStartupTimeout(5 * 60_000)
    .up(firstLoad ? undefined : servers);
  return stack;
}

/** A project name, a free port and a folder with the sample; the test starts and stops the stack itself. */
export async function unstartedStack(
  name: string,
  composeFiles = [composeFile],
  {
    hasSmallModels = false,
    keepsCli = false,
    env: ownSettings = {},
  }: Omit<StackOptions, "firstLoad" | "overlay"> = {},
): Promise<Stack> {
  const attached = process.env.ATTACH;
  if (attached && hasSmallModels)
    throw new Error(
      `${name}: its dbt container has a project of its own: it cannot be attached to ${attached}`,
    );
  const project = attached ?? `reelhouse-test-${testRun}-${name}`;
  const trinoPort = attached ? Number(process.env.TRINO_PORT ?? 8443) : await freePort();
  const folder = mkdtempSync(join(scratchFolder, `${name}-`));
  // Other users' commands are tried in it too.
  chmodSync(folder, 0o755);
  cpSync(join(projectFolder, "data/sample"), join(folder, "data/sample"), { recursive: true });
  cpSync(join(projectFolder, "pipeline.yaml"), join(folder, "pipeline.yaml"));
  mkdirSync(join(folder, "federation"));
  // The host's environment leaks into compose: what a test relies on is set here.
  const env: Record<string, string> = {
    COMPOSE_PROJECT_NAME: project,
    TRINO_PORT: String(trinoPort),
    SUPERSET_PORT: attached ? (process.env.SUPERSET_PORT ?? "8088") : String(await freePort()),
    DOCS_PORT: attached ? (process.env.DOCS_PORT ?? "8089") : String(await freePort()),
    DIRECT_PORT: attached ? (process.env.DIRECT_PORT ?? "9000") : String(await freePort()),
    PIPELINE: "pipeline.yaml",
    STORE: "minio",
    STORE_ENDPOINT: "http://store:9000",
    STORE_REGION: "us-east-1",
    STORE_KEYS: "./store/no-keys",
    STORE_PREFIX: "",
    FEDERATION: join(folder, "federation"),
    ...(hasSmallModels ? { REELHOUSE_DBT_PROJECT: smallProject(folder) } : {}),
    ...ownSettings,
  };
  const call: Stack["run"] = (program, words, { cwd = folder, env: more = {}, ...options } = {}) =>
    execute(program, words, { cwd, env: { ...process.env, ...env, ...more }, ...options });
  const files = composeFiles.flatMap((file) => ["--file", join(projectFolder, file)]);
  const composeWords = ["compose", "--project-directory", projectFolder, ...files];
  const compose = (words: string[], options?: CommandOptions) =>
    call("docker", [...composeWords, ...words], options);
  const exec: Stack["exec"] = (service, words, options = {}) => {
    const interactive = options.input === undefined ? [] : ["--interactive"];
    return call("docker", ["exec", ...interactive, containerOf(project, service), ...words], options);
  };
  const script = (name: string, words: string[], options?: CommandOptions) =>
    call(join(projectFolder, "scripts", name), words, options);
  const cli = keptCli({ folder, compose, run: call }, projectFolder);
  const reelhouse = (words: string[], options?: CommandOptions) =>
    keepsCli ? cli.run("reelhouse", words, options) : script("reelhouse", words, options);
  const succeed = async (words: string[], options?: CommandOptions) => {
    const outcome = await reelhouse(words, options);
    if (outcome.code !== 0)
      throw new Error(`reelhouse ${words.join(" ")}: exit ${outcome.code}\n${outcome.stderr}`);
    return outcome;
  };
  const readSecrets: Stack["secrets"] = async (service) => {
    const path = `/run/secrets/${service === "cli" ? "reelhouse" : service}/env`;
    const ofCli = ["run", "--rm", "--no-deps", "-T", "--entrypoint", "cat", "cli", path];
    const { code, stdout, stderr } = await (service === "cli"
      ? compose(ofCli)
      : exec(service, ["cat", path]));
    if (code !== 0) throw new Error(`read the secrets of ${service}: ${stderr}`);
    return Object.fromEntries(
      stdout
        .split("\n")
        .filter(Boolean)
        .map((line) => line.split("=")),
    );
  };
  let settings: Promise<Settings> | undefined;
  const client = () => {
    settings ??= readSecrets("cli").then((secrets) => clientSettings(folder, trinoPort, secrets, succeed));
    return settings;
  };
  return {
    project,
    folder,
    trinoPort,
    env,
    reelhouse,
    succeed,
    compose,
    composeCommand: ["docker", ...composeWords],
    run: call,
    script,
    exec,
    cli,
    secrets: readSecrets,
    async forgetContainers() {
      settings = undefined;
      await cli.remove();
    },
    async query(sql, user = "bi", catalog = "lakehouse") {
      const { columns, rows } = await connectTrino(await client(), user, { catalog }).query(sql);
      return rows.map((row) =>
        Object.fromEntries(columns.map(({ name }, index) => [name, row[index] ?? null])),
      );
    },
    async catalogQuery(sql) {
      const { code, stdout, stderr } = await exec("catalog", [...psql, sql]);
      if (code !== 0) throw new Error(stderr);
      return stdout.trim();
    },
    write(name, content) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
      return path;
    },
    async stop() {
      await cli.remove();
      // Nothing is kept that would have to be written in peace.
      const words = ["--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "0"];
      if (!attached) await compose(words);
    },
  };
}

const containerOf = (project: string, service: Server | Optional) => `${project}-${service}-1`;

/** A copy of the small project that a test may change. */
function smallProject(folder: string): string {
  const copy = join(folder, "dbt_project");
  cpSync(join(projectFolder, "test/fixtures/small_project"), copy, { recursive: true });
  return copy;
}

const psql = ["psql", "--no-psqlrc", "-At", "--set", "ON_ERROR_STOP=1", "--dbname", "lakehouse", "--command"];

/** What a client on the host needs to reach Trino: only the parts of the settings that a Trino session reads. */
async function clientSettings(
  folder: string,
  trinoPort: number,
  secrets: Record<string, string>,
  succeed: Stack["succeed"],
): Promise<Settings> {
  const authorityFile = join(folder, "ca.crt");
  writeFileSync(authorityFile, (await succeed(["credentials", "--ca"])).stdout);
  const passwords = Object.fromEntries(
    [...trinoUsers, "maintenance"].map((user) => [user, secrets[`TRINO_${user.toUpperCase()}_PASSWORD`]]),
  );
  return {
    trino: { url: `https://localhost:${trinoPort}`, authorityFile, passwords },
    silenceMs: 60_000,
  } as Settings;
}

/** The same container, with the files that were copied into it: `up` might make it anew. */
export async function restart(stack: Stack, service: Server): Promise<void> {
  await stack.run("docker", ["restart", containerOf(stack.project, service)]);
  await untilReady(stack, service);
}

/** After it was stopped or killed. */
export async function startAgain(stack: Stack, service: Server): Promise<void> {
  await stack.run("docker", ["start", containerOf(stack.project, service)]);
  await untilReady(stack, service);
}

/** What their health checks ask, and these only every few seconds. */
const readiness: Record<Server, string[]> = {
  store: ["/opt/store/health.sh"],
  catalog: ["pg_isready", "--quiet", "--host", "localhost", "--dbname", "lakehouse"],
  trino: ["/opt/trino/health.py"],
  dbt: ["/opt/dbt/health.py"],
};

async function untilReady(stack: Stack, service: Server): Promise<void> {
  const deadlineMs = Date.now() + 60_000;
  while ((await stack.exec(service, readiness[service])).code !== 0) {
    if (Date.now() > deadlineMs) throw new Error(`${service} is not ready 60 s after its start`);
    await sleep(100);
  }
}

/**
 * `./scripts/reelhouse WORDS`, with SIGINT to its whole process group, as a terminal sends it, as soon as `when` says so
 * of what it has written to standard error.
 */
export async function interrupted(
  stack: Stack,
  words: string[],
  { when }: { when: (stderr: string) => Promise<boolean> },
): Promise<Pick<Outcome, "code" | "stderr">> {
  const child = spawn(join(projectFolder, "scripts/reelhouse"), words, {
    cwd: stack.folder,
    env: { ...process.env, ...stack.env },
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk) => (stderr += chunk));
  const ended = new Promise<number>((done) => child.on("close", (code) => done(code ?? -1)));
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!isOver && !(await when(stderr))) await sleep(100);
  if (!isOver) process.kill(-(child.pid ?? 0), "SIGINT");
  return { code: await ended, stderr };
}

/** Runs a program to its end; its exit code is a result, not an exception. */
export function execute(
  file: string,
  words: string[],
  { input, onStderr, ...options }: Omit<CommandOptions, "env"> & { env: NodeJS.ProcessEnv },
): Promise<Outcome> {
  return new Promise((done, fail) => {
    const child = spawn(file, words, {
      ...options,
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk) => (stdout += chunk));
    child.stderr?.setEncoding("utf8").on("data", (chunk) => {
      stderr += chunk;
      onStderr?.(chunk);
    });
    child.on("error", fail);
    child.on("close", (code) => done({ code: code ?? -1, stdout, stderr }));
    child.stdin?.end(input);
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((ready) => server.once("listening", ready));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}
