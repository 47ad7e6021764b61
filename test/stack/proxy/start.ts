/** The proxy's container, as a test sees it: faults are armed, and the ingester runs behind it or past it. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Outcome, projectFolder, type Stack } from "../stack.ts";
import type { Fault, ProxyEvent } from "./fault.ts";

export interface FaultyNetwork {
  /** Runs the CLI with every connection through the proxy, `fault` waiting for it. Fails if it does not happen. */
  runWith(fault: Fault, words: string[]): Promise<Outcome>;
  /** Runs the CLI in the same container, straight to the services. */
  run(words: string[]): Promise<Outcome>;
  stop(): Promise<void>;
}

/** A silent service is given up after so long: the stall of each fault is waited for. */
export const silenceSeconds = 4;

/** A command that hangs is killed, and ends with 137. */
const bounded = ["timeout", "--signal", "KILL", "120"];

const throughProxy = {
  CATALOG_HOST: "127.0.0.1",
  STORE_ENDPOINT: "http://127.0.0.1:9000",
  // A name of Trino's certificate.
  TRINO_URL: "https://localhost:8443",
  SERVICE_TIMEOUT_SECONDS: String(silenceSeconds),
};

export async function startProxy(stack: Stack): Promise<FaultyNetwork> {
  const container = `${stack.project}-proxy`;
  const child = spawn(
    stack.composeCommand[0],
    [...stack.composeCommand.slice(1), ...containerWords(stack, container)],
    {
      env: { ...process.env, ...stack.env },
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  const ended = new Promise<void>((done) => child.once("close", () => done()));
  const events = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<ProxyEvent> => {
    const { value, done } = await events.next();
    if (done) throw new Error("the proxy's container has ended");
    return JSON.parse(value);
  };
  const expectEvent = async (wanted: ProxyEvent["event"]) => {
    const { event } = await next();
    if (event !== wanted) throw new Error(`proxy: expected ${wanted}, heard ${event}`);
  };
  const run = (words: string[], env: Record<string, string> = {}) => {
    const options = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
    return stack.run("docker", ["exec", ...options, container, ...bounded, "reelhouse", ...words]);
  };
  await expectEvent("ready");
  return {
    run,
    async runWith(fault, words) {
      child.stdin.write(`${JSON.stringify(fault)}\n`);
      await expectEvent("armed");
      const outcome = await run(words, throughProxy);
      child.stdin.write("\n");
      const { event } = await next();
      if (event !== "fired") throw new Error(`did not happen: ${JSON.stringify(fault)}\n${outcome.stderr}`);
      await expectEvent("healed");
      return outcome;
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}

/** A container of the CLI's service, which has its secrets, and Trino's for the certificate. */
function containerWords({ project, folder }: Stack, name: string): string[] {
  const volumes = [
    `${join(projectFolder, "test/stack/proxy")}:/proxy:ro`,
    `${folder}:/host${folder}:ro`,
    `${project}_secrets-trino:/run/secrets/trino:ro`,
  ];
  return [
    ...["run", "--rm", "--no-deps", "-T", "--name", name, "--entrypoint", "node"],
    ...["--env", "REELHOUSE_HOST_ROOT=/host", "--env", `REELHOUSE_FOLDER=${folder}`],
    // Only Trino's user may read Trino's key.
    ...["--user", "10002"],
    ...volumes.flatMap((volume) => ["--volume", volume]),
    ...["cli", "/proxy/proxy.ts"],
  ];
}
