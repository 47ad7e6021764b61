/** Programs of a user on the machine of the stack: they see published ports, and the files in the stack's folder. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Outcome, Stack } from "./stack.ts";

const image = `${process.env.IMAGE_PREFIX ?? "reelhouse"}/test`;

/** Runs a shell script in the image of the tests, which has the clients; `env` are the variables that it gets. */
export function onMachine(
  stack: Stack,
  script: string,
  {
    env = {},
    words = [],
    input = "",
  }: { env?: Record<string, string>; words?: string[]; input?: string } = {},
): Promise<Outcome> {
  const options = ["--rm", "--interactive", "--network", "host"];
  const folder = ["--volume", `${stack.folder}:${stack.folder}:ro`, "--workdir", stack.folder];
  const names = Object.keys(env).flatMap((name) => ["--env", name]);
  const program = ["bash", "-euc", script, "bash", ...words];
  return stack.run("docker", ["run", ...options, ...folder, ...names, image, ...program], { env, input });
}

/** What `reelhouse connect CLIENT --password` prints, with the certificate where it says. */
export async function printedFor(
  stack: Stack,
  client: string,
): Promise<{ code: string; env: Record<string, string> }> {
  const { stdout } = await stack.succeed(["connect", client, "--password"]);
  await writeAuthority(stack);
  const [, password = "", variable = "TRINO_PASSWORD", code = ""] =
    /^password {3}(\S+)(?: +\(the environment variable (\w+)\))?\nauthority .*\n\n([\s\S]*)/m.exec(stdout) ??
    [];
  return { code, env: { [variable]: password } };
}

export async function writeAuthority(stack: Stack): Promise<void> {
  const { stdout } = await stack.succeed(["credentials", "--ca"]);
  writeFileSync(join(stack.folder, "reelhouse-ca.crt"), stdout);
}
