/** What `reelhouse connect` prints is what a client runs: those that can run here do, as it is printed and changed. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { readText } from "../../contract/repository.ts";
import { onMachine, printedFor } from "../own-machine.ts";
import { execute, type Outcome, type Stack } from "../stack.ts";
import type { Running } from "./running.ts";

const statement = "SELECT movie_title, profit_usd FROM movies_unified";
const authority = "reelhouse-ca.crt";
/** The certificate of an authority that has nothing to do with the stack, in the stack's folder. */
const otherAuthority = "other-ca.crt";

/** Runs the code that is printed for a client; `env` has the password. */
type Program = (stack: Stack, code: string, env: Record<string, string>) => Promise<Outcome>;
const python: Program = (stack, code, env) =>
  onMachine(stack, "/opt/iceberg/bin/python -", { env, input: code });
const programs: Record<string, Program> = {
  // From here, where the package is.
  node: ({ folder }, code, env) => {
    const inFolder = code.replaceAll(/\w+-ca\.crt/g, (name) => join(folder, name));
    const words = ["--input-type=module", "--eval", inFolder];
    return execute(process.execPath, words, { cwd: process.cwd(), env: { ...process.env, ...env } });
  },
  python,
  sqlalchemy: python,
  "trino-cli": (stack, code, env) => {
    const trino = 'trino() { java -jar /opt/java/trino-cli-executable.jar "$@"; }';
    return onMachine(stack, `${trino}\n${code.trimEnd()} --execute "$1"`, { env, words: [statement] });
  },
  jdbc: (stack, fields, env) => {
    const [, url = ""] = /^ +URL +(\S+)$/m.exec(fields) ?? [];
    const script = 'cat >/tmp/Query.java; java -cp /opt/java/trino-jdbc.jar /tmp/Query.java "$@"';
    const input = readText("test/clients/Query.java");
    return onMachine(stack, script, { env, words: [url, "bi", statement], input });
  },
};

export function clientConnections(runningOf: () => Running): void {
  let stack: Stack;
  beforeAll(() => {
    stack = runningOf().stack;
    writeFileSync(join(stack.folder, otherAuthority), `${rootCertificates[0]}\n`);
  });

  describe.each(Object.entries(programs))("%s", (client, program) => {
    it("should connect with what is printed", async () => {
      const { code, env } = await printedFor(stack, client);
      const { stdout, stderr } = await program(stack, code, env);
      expect(stdout, stderr).toMatch(/Inception\W+568276195/);
    });

    it.each([
      {
        what: "where another authority is trusted",
        change: (code: string) => code.replaceAll(authority, otherAuthority),
        said: /certificate|certification path/i,
      },
      { what: "with a wrong password", password: "wrong", said: /401|Authentication failed/ },
      {
        what: "without TLS",
        change: (code: string) => code.replace(/https(?=:|")/, "http").replace("SSL=true", "SSL=false"),
        said: /./,
      },
    ])("should get nothing $what", async ({ change = (code) => code, password, said }) => {
      const { code, env } = await printedFor(stack, client);
      const given = password === undefined ? env : { TRINO_PASSWORD: password };
      const outcome = await program(stack, change(code), given);
      expect({ isRefused: outcome.code !== 0, stdout: outcome.stdout }).toEqual({
        isRefused: true,
        stdout: "",
      });
      expect(outcome.stderr).toMatch(said);
    });
  });

  it.each([
    {
      what: "where another authority is trusted",
      change: `cat "/host$0/${otherAuthority}" >/tmp/other/ca.crt`,
      said: /certificate/,
    },
    {
      what: "with a wrong password",
      change: "sed -i 's/^TRINO_BI_PASSWORD=.*/TRINO_BI_PASSWORD=wrong/' /tmp/other/env",
      said: /401|Unauthorized/,
    },
    { what: "without TLS", change: "export TRINO_URL=http://trino:8443", said: /trino/ },
  ])("should give the stack's own commands nothing $what", async ({ change, said }) => {
    const script = `mkdir -p /tmp/other && cp /run/secrets/reelhouse/* /tmp/other && chmod u+w /tmp/other/*
${change}
REELHOUSE_SECRETS=/tmp/other reelhouse sql "SELECT 1"`;
    const { code, stdout, stderr } = await stack.cli.run("sh", ["-ec", script, stack.folder]);
    await stack.cli.remove();
    expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
    expect(stderr).toMatch(said);
  });

  it("should give dbt nothing where another authority is trusted, or with a wrong password", async () => {
    const debug = (file: string, password = "$TRINO_DBT_PASSWORD") => {
      const script = `cat >/tmp/other-ca.crt <<'TEXT'\n${rootCertificates[0]}\nTEXT
set -a && . /run/secrets/dbt/env && set +a
export DBT_TRINO_PASSWORD="${password}" DBT_CATALOG=audit TRINO_CA_FILE=${file}
dbt debug --connection`;
      return stack.compose(["exec", "-T", "dbt", "sh"], { input: script });
    };
    const own = "/run/secrets/dbt/ca.crt";
    expect((await debug(own)).stdout).toMatch(/Connection test: \[\S*OK/);
    const refused = [await debug("/tmp/other-ca.crt"), await debug(own, "wrong")];
    expect(refused).toMatchObject([
      { code: 1, stdout: expect.stringContaining("CERTIFICATE_VERIFY_FAILED") },
      { code: 1, stdout: expect.stringMatching(/401|Unauthorized/) },
    ]);
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
