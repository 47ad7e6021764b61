/** What `reelhouse connect` prints is what a client runs: those that can run here do. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { readText } from "../../contract/repository.ts";
import { onMachine, printedFor } from "../own-machine.ts";
import { execute, type Stack } from "../stack.ts";
import type { Running } from "./running.ts";

const statement = "SELECT movie_title, profit_usd FROM movies_unified";

export function clientConnections(runningOf: () => Running): void {
  it("should connect Node with the code that it prints", async () => {
    const { stack } = runningOf();
    const { code, env } = await printedFor(stack, "node");
    // From here, where the package is.
    const words = ["--input-type=module", "--eval", withAuthority(stack, code)];
    const options = { cwd: process.cwd(), env: { ...process.env, ...env } };
    const { stdout, stderr } = await execute(process.execPath, words, options);
    expect(stdout, stderr).toContain("'Inception', 568276195");
  });

  it.each([
    { client: "python", printed: "['Inception', 568276195]" },
    { client: "sqlalchemy", printed: "('Inception', 568276195)" },
  ])("should connect Python with the code that it prints: $client", async ({ client, printed }) => {
    const { stack } = runningOf();
    const { code, env } = await printedFor(stack, client);
    const { stdout, stderr } = await onMachine(stack, "/opt/iceberg/bin/python -", { env, input: code });
    expect(stdout, stderr).toContain(printed);
  });

  it("should connect the Trino CLI with the command that it prints", async () => {
    const { stack } = runningOf();
    const { code, env } = await printedFor(stack, "trino-cli");
    const trino = 'trino() { java -jar /opt/java/trino-cli-executable.jar "$@"; }';
    const { stdout, stderr } = await onMachine(stack, `${trino}\n${code.trimEnd()} --execute "$1"`, {
      env,
      words: [statement],
    });
    expect(stdout, stderr).toContain('"Inception","568276195"\n');
  });

  it("should connect Java with the URL that it prints", async () => {
    const { stack } = runningOf();
    const { url, env } = await printedUrl(stack);
    const { stdout, stderr } = await java(stack, { url, env });
    expect(stdout, stderr).toContain("Inception\t568276195\n");
  });

  it("should be refused by Java where another authority is trusted", async () => {
    const { stack } = runningOf();
    const { url, env } = await printedUrl(stack);
    const other = url.replace("reelhouse-ca.crt", "/tmp/other.crt");
    const { code, stdout, stderr } = await java(stack, { url: other, env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("unable to find valid certification path");
  });

  it("should refuse Java with a wrong password", async () => {
    const { stack } = runningOf();
    const { url } = await printedUrl(stack);
    const { code, stdout, stderr } = await java(stack, { url, env: { TRINO_PASSWORD: "wrong" } });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("Authentication failed");
  });

  it.each(["jdbc", "duckdb"])("should not print the password unless it is asked: %s", async (client) => {
    const { stack, secrets } = runningOf();
    const { stdout } = await stack.succeed(["connect", client]);
    expect(stdout).toContain(
      client === "jdbc"
        ? `jdbc:trino://localhost:${stack.trinoPort}/lakehouse/gold?SSL=true`
        : `KEY_ID '${secrets.S3_DIRECT_ACCESS_KEY}'`,
    );
    expect(stdout).not.toContain(secrets.TRINO_BI_PASSWORD);
    expect(stdout).not.toContain(secrets.S3_DIRECT_SECRET_KEY);
  });
}

async function printedUrl(stack: Stack): Promise<{ url: string; env: Record<string, string> }> {
  const { code, env } = await printedFor(stack, "jdbc");
  const [, url = ""] = /^ +URL +(\S+)$/m.exec(code) ?? [];
  return { url, env };
}

/** A program with the driver of the server's release. `/tmp/other.crt` is the certificate of somebody else's authority. */
function java(stack: Stack, { url, env }: { url: string; env: Record<string, string> }) {
  const script = `openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=other" -keyout /dev/null -out /tmp/other.crt 2>/dev/null
cat >/tmp/Query.java
java -cp /opt/java/trino-jdbc.jar /tmp/Query.java "$@"`;
  const input = readText("test/clients/Query.java");
  return onMachine(stack, script, { env, words: [url, "bi", statement], input });
}

const withAuthority = ({ folder }: Stack, code: string) =>
  code.replaceAll("reelhouse-ca.crt", join(folder, "reelhouse-ca.crt"));
