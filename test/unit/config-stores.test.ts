import { describe, expect, it } from "vitest";
import { loadPipeline, mountsOf } from "../../ingest/src/config.ts";

const env = {
  PARTNER_KEY: "access",
  PARTNER_SECRET: "top-secret",
  BLANK: "top secret",
  EMPTY: "",
  YEAR: "2026",
};
const load = (text: string) =>
  loadPipeline(text, { file: "pipeline.yaml", baseFolder: "/home/me/films", env });

const partner = `
stores:
  partner:
    endpoint: https://s3.example.com
    region: eu-central-1
    access_key: \${PARTNER_KEY}
    secret_key: \${PARTNER_SECRET}
    buckets: [partner-drop, partner-archive]
`;
const withPaths = (...paths: string[]) => `source: {critic_agg: {path: ${JSON.stringify(paths)}}}\n`;

/** The lines of the message that refuses `text`; no secret is in them. */
function faultsOf(text: string): string[] {
  try {
    load(text);
  } catch (error) {
    expect(error).toMatchObject({ exitCode: 2 });
    const { message } = error as Error;
    for (const secret of ["top-secret", "top secret", "in-the-file", "12345"])
      expect(message).not.toContain(secret);
    return message.split("\n");
  }
  return expect.fail("no fault was found");
}

describe("a path on a store", () => {
  it("should be taken as it is written, also beside local ones", () => {
    const text = withPaths(
      "a.csv",
      "s3://landing/critics/",
      `s3://partner-drop/\${YEAR}-*/../x//y.csv`,
      "s3://landing",
    );
    expect(load(text + partner).sources[0]?.paths).toEqual([
      { kind: "local", path: "/home/me/films/a.csv", folder: "/home/me/films" },
      { kind: "s3", path: "s3://landing/critics/", bucket: "landing", key: "critics/" },
      {
        kind: "s3",
        path: "s3://partner-drop/2026-*/../x//y.csv",
        bucket: "partner-drop",
        key: "2026-*/../x//y.csv",
      },
      { kind: "s3", path: "s3://landing", bucket: "landing", key: "" },
    ]);
  });

  it("should need no folder of the host", () => {
    expect(mountsOf(load(withPaths("s3://landing/critics/", "in/a.csv")))).toEqual([
      { path: "/home/me/films/in", mode: "ro" },
    ]);
  });

  it.each([
    ["s3://landin/x.csv", "expected landing or a bucket of 'stores', found 'landin': did you mean landing?"],
    [
      "s3://bronze/rows/",
      "expected landing or a bucket of 'stores', found 'bronze': add bronze to the 'buckets' of a store",
    ],
    ["s3:///x.csv", "expected a local path or s3://BUCKET/FOLDER/, found 's3:///x.csv'"],
    ["s3a://landing/x.csv", "expected a local path or s3://BUCKET/FOLDER/, found 's3a://landing/x.csv'"],
    ["ftp://localhost/x.csv", "expected a local path or s3://BUCKET/FOLDER/, found 'ftp://localhost/x.csv'"],
  ])("should be refused: %s", (path, says) => {
    expect(faultsOf(withPaths(path))).toEqual([`pipeline.yaml:1: source.critic_agg.path: ${says}`]);
  });

  it("should not be where results go", () => {
    const text = "source: {critic_agg: a.csv}\noutput: {gold: 's3://landing/out'}";
    expect(faultsOf(text)).toEqual([
      "pipeline.yaml:2: output.gold: expected a local folder, found 's3://landing/out'",
    ]);
  });
});

describe("stores", () => {
  it("should be an address, a login and buckets", () => {
    const { stores } = load(withPaths("s3://partner-archive/") + partner);
    expect(stores).toEqual([
      {
        name: "partner",
        endpoint: "https://s3.example.com",
        region: "eu-central-1",
        accessKey: "access",
        secretKey: "top-secret",
        buckets: ["partner-drop", "partner-archive"],
      },
    ]);
    for (const part of [stores, stores[0], stores[0]?.buckets]) expect(Object.isFrozen(part)).toBe(true);
    expect(load(partner.replace(/ +region.*\n/, "") + withPaths("a.csv")).stores[0]?.region).toBe(
      "us-east-1",
    );
    expect(load(withPaths("a.csv")).stores).toEqual([]);
  });

  it("should say that a variable inside braces needs quotes, and no secret that stands there", () => {
    const text = `source: {critic_agg: a.csv}\nstores:\n  partner: {access_key: \${KEY}, secret_key: in-the-file}`;
    expect(faultsOf(text)).toEqual([`pipeline.yaml:3: \${KEY} inside {} needs quotes: "\${KEY}"`]);
  });

  it("should tell every fault, by line, and no secret", () => {
    const text = [
      "source: {critic_agg: 's3://partner-drop/'}",
      "stores:",
      "  partner:",
      "    endpoint: s3.example.com",
      "    access_key: in-the-file",
      "    secret_key: 12345",
      "    buckets: [partner-drop, Not_One, landing]",
      "    bucket: x",
      "  other:",
      "    endpoint: https://s3.example.com/path",
      `    access_key: \${NOBODY}`,
      `    secret_key: \${BLANK}`,
      "    buckets: [partner-drop]",
      "  third: {endpoint: 'https://me:in-the-file@s3.example.com'}",
      "  fourth:",
    ].join("\n");
    const address = "expected an address such as https://s3.example.com, without a path";
    const named = `expected \${NAME}, an environment variable: a secret does not belong in this file`;
    expect(faultsOf(text)).toEqual([
      `pipeline.yaml:4: stores.partner.endpoint: ${address}, found 's3.example.com'`,
      `pipeline.yaml:5: stores.partner.access_key: ${named}`,
      `pipeline.yaml:6: stores.partner.secret_key: ${named}`,
      "pipeline.yaml:7: stores.partner.buckets: expected the names of buckets, found 'Not_One'",
      "pipeline.yaml:7: stores.partner.buckets: the bucket 'landing' belongs to the stack itself already",
      "pipeline.yaml:8: stores.partner.bucket: expected endpoint, region, access_key, secret_key, buckets, found 'bucket', did you mean buckets?",
      `pipeline.yaml:10: stores.other.endpoint: ${address}, found 'https://s3.example.com/path'`,
      "pipeline.yaml:11: stores.other.access_key: environment variable NOBODY is not set",
      "pipeline.yaml:12: stores.other.secret_key: environment variable BLANK: expected a key without blanks or control characters",
      "pipeline.yaml:13: stores.other.buckets: the bucket 'partner-drop' belongs to stores.partner already",
      "pipeline.yaml:14: stores.third: expected the key 'access_key'",
      "pipeline.yaml:14: stores.third: expected the key 'secret_key'",
      "pipeline.yaml:14: stores.third: expected the key 'buckets'",
      `pipeline.yaml:14: stores.third.endpoint: ${address}`,
      "pipeline.yaml:15: stores.fourth: expected an object with endpoint, region, access_key, secret_key, buckets, found nothing",
    ]);
  });
});
