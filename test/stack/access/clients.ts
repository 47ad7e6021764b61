/** What `reelhouse connect` prints is what a client runs: here those that need no installation. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { execute, type Stack } from "../stack.ts";
import type { Running } from "./running.ts";

export function clientConnections(runningOf: () => Running): void {
  /** The code that it prints, and the environment that it asks for. */
  async function printed(stack: Stack, client: string) {
    const { stdout } = await stack.succeed(["connect", client, "--password"]);
    await stack.run("bash", ["-c", '"$0" credentials --ca > reelhouse-ca.crt', reelhouse()]);
    const [, password = "", code = ""] =
      /^password {3}(\S+).*\nauthority .*\n\n([\s\S]*)/m.exec(stdout) ?? [];
    return { code, env: { ...process.env, TRINO_PASSWORD: password } };
  }
  const reelhouse = () => join(process.env.REELHOUSE_PROJECT ?? process.cwd(), "scripts/reelhouse");

  it("should connect Node with the code that it prints", async () => {
    const { stack } = runningOf();
    const { code, env } = await printed(stack, "node");
    // From here, where the package is.
    const words = ["--input-type=module", "--eval", withAuthority(stack, code)];
    const { stdout, stderr } = await execute(process.execPath, words, { cwd: process.cwd(), env });
    expect(stdout, stderr).toContain("'Inception', 568276195");
  });

  it("should connect Python with the code that it prints", async () => {
    const { stack } = runningOf();
    const { code, env } = await printed(stack, "python");
    const folder = `${stack.folder}:${stack.folder}:ro`;
    const image = `${process.env.IMAGE_PREFIX ?? "reelhouse"}/dbt`;
    const words = ["run", "--rm", "--network", "host", "--env", "TRINO_PASSWORD", "--volume", folder];
    const program = ["--entrypoint", "python3", image, "-c", withAuthority(stack, code)];
    const { stdout, stderr } = await execute("docker", [...words, ...program], { cwd: stack.folder, env });
    expect(stdout, stderr).toContain("['Inception', 568276195]");
  });

  it("should not print the password unless it is asked", async () => {
    const { stack, secrets } = runningOf();
    const { stdout } = await stack.succeed(["connect", "jdbc"]);
    expect(stdout).toContain(`jdbc:trino://localhost:${stack.trinoPort}/lakehouse/gold?SSL=true`);
    expect(stdout).not.toContain(secrets.TRINO_BI_PASSWORD);
  });
}

const withAuthority = ({ folder }: Stack, code: string) =>
  code.replaceAll("reelhouse-ca.crt", join(folder, "reelhouse-ca.crt"));
