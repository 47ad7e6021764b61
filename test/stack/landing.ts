/** Deliveries on S3: the stack's own landing bucket, and a partner's store. */
import { createHash } from "node:crypto";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Outcome, Row, Stack } from "./stack.ts";

interface Ingested {
  code: number;
  stderr: string;
  result: { loaded: Row[]; known: Row[]; refused: { file: string; message: string }[] };
}

/** A delivery of one row per film, other bytes for each number. */
const week = (number: number, films = ["Heat"]) =>
  `film,week,views\n${films.map((film) => `${film},2026-${number},${number}\n`).join("")}`;

export function landingBucket(stackOf: () => Stack): void {
  let stack: Stack;
  let provider: [key: string, secret: string];
  beforeAll(() => {
    stack = stackOf();
  });
  /** It matters what the script makes of the files that it is given. */
  const wrapper = (...words: string[]) => stack.script("reelhouse", words);
  const land = (...words: string[]) => wrapper("land", ...words);
  const landed = async (...words: string[]): Promise<Outcome> => {
    const outcome = await land(...words);
    expect(outcome.code, outcome.stderr).toBe(0);
    return outcome;
  };

  it("should have a login for providers, shown by credentials", async () => {
    const { stdout } = await stack.succeed(["credentials", "--user", "landing"]);
    expect(stdout).toContain("http://store:9000");
    const [, user = ""] = /^user +(\w+) /m.exec(stdout) ?? [];
    const { stdout: password } = await stack.succeed(["credentials", "--user", "landing", "--password"]);
    provider = [user, password.trim()];
    const put = `printf '${textInShell(week(4))}' | mc pipe --quiet provider/landing/views/provider.csv`;
    const { code, stderr } = await mc(stack, { provider }, put);
    expect(code, stderr).toBe(0);
  });

  it("should take files with reelhouse land, each under its own name", async () => {
    stack.write("out/week-1.csv", week(1));
    stack.write("out/week 2.csv", week(2, ["Heat", "Alien"]));
    symlinkSync("out/week-1.csv", join(stack.folder, "latest.csv"));
    const files = ["out/week-1.csv", "out/week 2.csv", "latest.csv"];
    const { stdout, stderr } = await landed(...files, "--to", "views", "--json");
    expect(stderr).toContain("s3://landing/views/week 2.csv");
    expect(JSON.parse(stdout).landed).toEqual([
      { file: `${stack.folder}/out/week-1.csv`, location: "s3://landing/views/week-1.csv", byteCount: 30 },
      { file: `${stack.folder}/out/week 2.csv`, location: "s3://landing/views/week 2.csv", byteCount: 45 },
      { file: `${stack.folder}/latest.csv`, location: "s3://landing/views/latest.csv", byteCount: 30 },
    ]);
  });

  it("should take nothing when one of the files is wrong, and say which", async () => {
    const missing = await land("out/week-1.csv", "nowhere/week-9.csv", "--to", "none");
    expect(missing.code).toBe(3);
    expect(missing.stderr).toContain(`${stack.folder}/nowhere/week-9.csv: no such file`);
    expect((await land("--to", "none")).code).toBe(2);
  });

  it("should take a large file in parts, anew when an upload of its name was interrupted", async () => {
    const large = Buffer.alloc(70 * 1_048_576, "film,week,views\n");
    stack.write("out/large.csv", large);
    const signed = `curl --silent --fail --aws-sigv4 aws:amz:us-east-1:s3 --user "${provider.join(":")}"`;
    const begin = `${signed} --request POST "http://store:9000/landing/large/large.csv?uploads"`;
    const unfinished = `${signed} "http://store:9000/landing?uploads&prefix=large/large.csv"`;
    expect((await mc(stack, {}, `${begin}; ${unfinished}`)).stdout).toContain("<Upload>");
    await landed("out/large.csv", "--to", "large");
    const sum = "mc cat provider/landing/large/large.csv | sha256sum";
    const { stdout } = await mc(stack, { provider }, `${sum}; ${unfinished}`);
    expect(stdout).toContain(createHash("sha256").update(large).digest("hex"));
    expect(stdout).not.toContain("<Upload>");
  });

  it("should be loaded by an object, a glob or a folder, the same bytes once", async () => {
    const paths = ["s3://landing/views/week-1.csv", "s3://landing/v*/week*.csv", "s3://landing/views/"];
    const { code, stderr, result } = await ingest(stack, { landed_views: paths });
    expect(code, stderr).toBe(0);
    expect(result.loaded).toMatchObject([
      { file: "s3://landing/views/week-1.csv", rowsAccepted: 1 },
      { file: "s3://landing/views/week 2.csv", rowsAccepted: 2 },
      { file: "s3://landing/views/provider.csv", rowsAccepted: 1 },
    ]);
    expect(result.known).toMatchObject([{ file: "s3://landing/views/latest.csv" }]);
    const files = "SELECT _source_file AS file FROM bronze.landed_views GROUP BY 1 ORDER BY 1";
    expect(await stack.query(files, "admin")).toEqual([
      { file: "s3://landing/views/provider.csv" },
      { file: "s3://landing/views/week 2.csv" },
      { file: "s3://landing/views/week-1.csv" },
    ]);
  });

  it("should give what was replaced, and what --again names", async () => {
    stack.write("out/week-1.csv", week(3));
    await landed("out/week-1.csv", "--to", "views/");
    const words = ["--again", "s3://landing/views/week 2.csv"];
    const { code, stderr, result } = await ingest(stack, { landed_views: ["s3://landing/views"] }, { words });
    expect(code, stderr).toBe(0);
    expect(result.loaded).toMatchObject([
      { file: "s3://landing/views/week 2.csv", rowsAccepted: 2 },
      { file: "s3://landing/views/week-1.csv", rowsAccepted: 1 },
    ]);
    const known = result.known.map(({ file }) => file);
    expect(known).toEqual(["s3://landing/views/latest.csv", "s3://landing/views/provider.csv"]);
  });

  it("should not be where a source is added from, which says what to do", async () => {
    const { code, stderr } = await wrapper("source", "add", "s3://landing/views/week-1.csv");
    expect(code).toBe(2);
    expect(stderr).toContain("s3://landing/views/week-1.csv: expected a local file; nothing was written");
  });
}

const login = { PARTNER_KEY: "partner-access", PARTNER_SECRET: "partner-secret" };
/** As `stores` has it; the bucket of each is named after it. */
const store = (
  name: string,
  { endpoint = "http://store:9000", key = "PARTNER_KEY", secret = "PARTNER_SECRET" } = {},
) =>
  `  ${name}: {endpoint: "${endpoint}", access_key: "\${${key}}", secret_key: "\${${secret}}", buckets: [${name}-drop]}\n`;

/** It is the stack's own MinIO, with a bucket and a user that the stack knows nothing of. */
export function partnerStore(stackOf: () => Stack): void {
  let stack: Stack;
  let asRoot: (script: string) => Promise<void>;
  /** What the partner's key may do from now on. */
  const allow = (...actions: string[]) => `
    printf '%s' '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ${JSON.stringify(actions)},
      "Resource": ["arn:aws:s3:::partner-drop*", "arn:aws:s3:::lost-drop"]}]}' >/tmp/partner.json
    mc admin policy create store partner /tmp/partner.json`;
  const put = (key: string, text: string) =>
    `printf '${textInShell(text)}' | mc pipe --quiet store/partner-drop/${key}`;
  beforeAll(async () => {
    stack = stackOf();
    const { STORE_ROOT_USER = "", STORE_ROOT_PASSWORD = "" } = await stack.secrets("store");
    asRoot = async (script) => {
      const { code, stderr } = await mc(stack, { store: [STORE_ROOT_USER, STORE_ROOT_PASSWORD] }, script);
      if (code !== 0) throw new Error(stderr);
    };
    await asRoot(`mc mb --quiet store/partner-drop
      printf '%s\\n%s\\n' ${login.PARTNER_KEY} ${login.PARTNER_SECRET} | mc admin user add store
      ${allow("s3:ListBucket", "s3:GetObject")}
      mc admin policy attach store partner --user ${login.PARTNER_KEY}
      ${put("2026/a.csv", week(10))}`);
  });
  afterAll(() =>
    asRoot(`mc rb --quiet --force store/partner-drop
      mc admin user rm store ${login.PARTNER_KEY}
      mc admin policy rm store partner`),
  );

  const views = { partner_views: ["s3://partner-drop/**/*.csv"] };
  const stores = `stores:\n${store("partner")}`;

  it("should be read with the keys of the caller's environment", async () => {
    const { code, stderr, result } = await ingest(stack, views, { stores });
    expect(code, stderr).toBe(0);
    expect(result.loaded).toMatchObject([{ file: "s3://partner-drop/2026/a.csv", rowsAccepted: 1 }]);
  });

  it("should not be asked again for what is known: a key that may only list is enough", async () => {
    await asRoot(`${allow("s3:ListBucket")}\n${put("2026/b.csv", week(11))}`);
    const { code, result } = await ingest(stack, views, { stores });
    expect(code).toBe(3);
    expect(result.known).toMatchObject([{ file: "s3://partner-drop/2026/a.csv" }]);
    const denied = "s3://partner-drop/2026/b.csv: access denied: expected a key that may list the bucket";
    expect(result.refused).toMatchObject([{ message: expect.stringContaining(denied) }]);
  });

  it("should be told apart by what is wrong, each source for itself", async () => {
    const faulty = [
      stores.trimEnd(),
      store("mistaken", { secret: "PARTNER_KEY" }).trimEnd(),
      store("unknown", { key: "PARTNER_SECRET" }).trimEnd(),
      store("lost"),
    ].join("\n");
    const paths = {
      mistaken_views: ["s3://mistaken-drop/"],
      unknown_views: ["s3://unknown-drop/"],
      lost_views: ["s3://lost-drop/"],
      missing_views: ["s3://partner-drop/2025/a.csv"],
      empty_views: ["s3://landing/empty/"],
    };
    const { code, stderr, result } = await ingest(stack, paths, { stores: faulty });
    expect(code, stderr).toBe(3);
    const told = result.refused.map(({ message }) => message.replace(/: expected.*/, ""));
    expect(told.sort()).toEqual([
      "s3://landing/empty/: no file found for source empty_views",
      "s3://lost-drop/: no such bucket",
      "s3://mistaken-drop/: the store refuses the login",
      "s3://partner-drop/2025/a.csv: no such object",
      "s3://unknown-drop/: the store refuses the login",
    ]);
    for (const secret of Object.values(login)) expect(stderr).not.toContain(secret);
  });

  it("should be a service that is down when it does not answer", async () => {
    const down = `stores:\n${store("partner", { endpoint: "http://store:9" })}`;
    const { code, stderr } = await ingest(stack, views, { stores: down });
    expect(code, stderr).toBe(5);
    expect(stderr).toMatch(/list s3:\/\/partner-drop\/: .*ECONNREFUSED/);
    expect(stderr).toContain("see whether http://store:9 works");
  });

  it("should be refused by the configuration when its key is not set", async () => {
    const unset = `stores:\n${store("partner", { secret: "PARTNER_FORGOTTEN" })}`;
    const { code, stderr } = await ingest(stack, views, { stores: unset });
    expect(code).toBe(2);
    expect(stderr).toContain("stores.partner.secret_key: environment variable PARTNER_FORGOTTEN is not set");
  });
}

/** One run for the paths of each source. */
async function ingest(
  stack: Stack,
  sources: Record<string, readonly string[]>,
  { stores = "", words = [] }: { stores?: string; words?: string[] } = {},
): Promise<Ingested> {
  const entries = Object.entries(sources).map(
    ([name, paths]) => `  ${name}: {path: ${JSON.stringify(paths)}, format: csv}\n`,
  );
  stack.write("s3.yaml", `source:\n${entries.join("")}${stores}`);
  const command = ["ingest", "--json", "--config", "s3.yaml", ...words];
  const { code, stdout, stderr } = await stack.reelhouse(command, { env: login });
  return { code, stderr, result: JSON.parse(stdout || "{}") };
}

const textInShell = (text: string) => text.replaceAll("\n", "\\n");

/** A script of MinIO's client; `logins`: alias -> access key and secret key. */
function mc(stack: Stack, logins: Record<string, [string, string]>, script: string) {
  const hosts = Object.entries(logins).map(
    ([alias, pair]) => `MC_HOST_${alias}=http://${pair.join(":")}@store:9000`,
  );
  const settings = ["MC_CONFIG_DIR=/tmp/mc-test", ...hosts].flatMap((setting) => ["-e", setting]);
  // In a container of its own: a client needs memory that the server's limit does not have.
  const words = [
    "run",
    "--rm",
    "--no-deps",
    "-T",
    ...settings,
    "--entrypoint",
    "sh",
    "buckets",
    "-ec",
    script,
  ];
  return stack.compose(words);
}
