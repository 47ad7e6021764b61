/** Objects of S3 stores as deliveries: which ones a path means, how they come here, and what is said when they do not. */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { arrivals, sized } from "../../ingest/src/arrivals.ts";
import { expandPaths, loadPipeline, type Source } from "../../ingest/src/config.ts";
import { exitCode, ReelhouseError } from "../../ingest/src/errors.ts";
import { type Bucket, connectBucket, type ListedObject } from "../../ingest/src/objects/bucket.ts";
import { expandDeliveries } from "../../ingest/src/objects/delivered.ts";
import { landFiles } from "../../ingest/src/objects/land.ts";
import { Progress } from "../../ingest/src/progress.ts";
import { connectStore } from "../../ingest/src/store.ts";
import { projectFolder } from "../contract/repository.ts";
import { type FakeStore, refuseWith, startStore } from "../fixtures/s3.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reelhouse-objects-"));
});
afterAll(() => rm(folder, { recursive: true }));

let store: FakeStore;
let bucket: Bucket;
/** Longer than a busy machine keeps a healthy store waiting. */
const silenceMs = 1000;
async function open(keys: string[]): Promise<void> {
  store = await startStore(keys);
  bucket = connectBucket(store.login, silenceMs);
}
afterEach(() => store.close());

const env = { KEY: "key", SECRET: "secret" };
const stores = `stores: {partner: {endpoint: 'http://localhost', access_key: '\${KEY}', secret_key: '\${SECRET}', buckets: [drop]}}`;
function sourceOf(paths: string[], format = "csv"): Source {
  const text = `source: {critic_agg: {path: ${JSON.stringify(paths)}, format: ${format}}}\n${stores}`;
  const [source] = loadPipeline(text, { file: "pipeline.yaml", baseFolder: "/drop", env }).sources;
  return source ?? expect.fail("no source");
}
const expand = async (paths: string[], format?: string) => {
  const source = sourceOf(paths, format);
  const found = await expandDeliveries(source, { hostRoot: folder, buckets: () => bucket });
  return found.map(({ hostPath }) => hostPath);
};

const keys = [
  ...["b.csv", "a.csv", "C.CSV", "x.json", ".hidden.csv", "[x]q.csv", "xq.csv", "z.csv.gz"].map(
    (name) => `in/${name}`,
  ),
  ...["in/deep/a.csv", "in/2026/a.csv", "in/2026/07/a.csv", "other/a b+c%2Fü.csv", "inside.csv", "in-2.csv"],
];

it("should be asked for by its store's name for the bucket, and told by its own", async () => {
  await open([]);
  const landing = connectBucket({ ...store.login, bucket: "landing", nameThere: "drop" }, silenceMs);
  store.objects.set("a.csv", "text");
  await landing.upload("a.csv", import.meta.filename, 10, new AbortController().signal);
  const object = (await landing.find("a.csv")) ?? expect.fail("no object");
  expect(object).toMatchObject({ hostPath: "s3://landing/a.csv", bucket: "landing" });
  await landing.download(object, join(folder, "named"), new AbortController().signal);
  expect(store.requests).toEqual(["PUT /drop/a.csv", "GET /drop", "GET /drop/a.csv"]);
});

describe("a path on a store", () => {
  beforeAll(async () => {
    for (const key of keys) {
      const file = join(folder, "drop", key.replace("%2F", "_"));
      mkdirSync(dirname(file), { recursive: true });
      await writeFile(file, "");
    }
  });
  beforeEach(() => open([...keys, "in/", "in/mark/"]));

  it.each([
    "in/b.csv",
    "in/*.csv",
    "in/[ab].csv",
    "in/[x]q.csv",
    "in/{a,deep/a}.csv",
    "in/**/a.csv",
    "in/**",
    "in/*",
    "**/a.csv",
    "*/a.csv",
    "in/!(b).csv",
    "in/.*.csv",
    "in-*",
    "in*.csv",
    "other/*",
    "in/",
    "in",
    ".",
  ])("should mean what it means on the local disk: %s", async (path) => {
    const local = await expandPaths(sourceOf([path]), folder);
    const expected = local.map(({ hostPath }) => hostPath.slice("/drop/".length));
    expect(expected.length).toBeGreaterThan(0);
    const found = await expand([`s3://drop/${path === "." ? "" : path}`]);
    expect(found.map((location) => location.slice("s3://drop/".length).replace("%2F", "_"))).toEqual(
      expected,
    );
  });

  it("should take files of its format in a folder, the bucket itself for one, and each object once", async () => {
    expect(await expand(["s3://drop/in/"], "json")).toEqual(["s3://drop/in/x.json"]);
    expect(await expand(["s3://drop"])).toEqual(["s3://drop/in-2.csv", "s3://drop/inside.csv"]);
    expect(await expand(["s3://drop/in/b.csv", "s3://drop/in/[ab].csv"])).toEqual([
      "s3://drop/in/b.csv",
      "s3://drop/in/a.csv",
    ]);
  });

  it("should stand beside local paths, in their order", async () => {
    expect(await expand(["in/b.csv", "s3://drop/in/b.csv", "in/a.csv"])).toEqual([
      "/drop/in/b.csv",
      "s3://drop/in/b.csv",
      "/drop/in/a.csv",
    ]);
  });

  it.each([
    ["in/none.csv", "no such object: expected an object, or a folder of objects"],
    ["in/2", "no such object: expected an object, or a folder of objects"],
    ["nowhere/", "no file found for source critic_agg: expected files *.csv or *.tsv in the folder"],
    ["other/*.tsv", "no file found for source critic_agg: expected a file that fits the glob"],
  ])("should be refused when it leads to nothing: %s", async (path, says) => {
    await expect(expand([`s3://drop/${path}`])).rejects.toMatchObject({
      message: `s3://drop/${path}: ${says}`,
      exitCode: exitCode.inputRefused,
      next: expect.stringContaining("check the path in pipeline.yaml"),
    });
  });
});

describe("a name that a provider chose", () => {
  it("should not reach a terminal with control characters", async () => {
    await open(["in/a.csv", "in/\u001b[2Jb.csv"]);
    await expect(expand(["s3://drop/in/"])).rejects.toMatchObject({
      message: expect.stringContaining('control characters: "s3://drop/in/\\u001b[2Jb.csv"'),
      exitCode: exitCode.inputRefused,
    });
    expect(await expand(["s3://drop/in/a*"])).toEqual(["s3://drop/in/a.csv"]);
  });
});

describe("a listing", () => {
  it("should go through all pages", async () => {
    await open(Array.from({ length: 2500 }, (_, index) => `many/${String(index).padStart(4, "0")}.csv`));
    const found = await bucket.list("many/", { recursive: false });
    expect(found).toHaveLength(2500);
    expect(new Set(found.map(({ key }) => key)).size).toBe(2500);
    expect(store.requests).toHaveLength(3);
    expect(found[2499]).toMatchObject({ key: "many/2499.csv", bucket: "drop", byteCount: 24 });
  });

  it("should tell whether there is anything from one key", async () => {
    await open(["many/1.csv", "many/2.csv"]);
    const sizes: (string | null)[] = [];
    store.instead = ({ url }) => {
      sizes.push(new URL(url ?? "", "http://localhost").searchParams.get("max-keys"));
      return false;
    };
    expect(await bucket.hasAny("many/")).toBe(true);
    expect(await bucket.hasAny("none/")).toBe(false);
    expect(sizes).toEqual(["1", "1"]);
  });

  it("should not go where a glob does not", async () => {
    await open(["a/b/c.csv", "a/x.csv"]);
    let folders = false;
    store.instead = ({ url }) => {
      folders ||= /delimiter=%2F/.test(url ?? "");
      return false;
    };
    expect(await expand(["s3://drop/a/*.csv"])).toEqual(["s3://drop/a/x.csv"]);
    expect(folders).toBe(true);
  });
});

describe("an object", () => {
  let object: ListedObject;
  const running = new AbortController().signal;
  const target = () => join(folder, "target");
  beforeEach(async () => {
    await open(["in/a.csv"]);
    object = (await bucket.find("in/a.csv")) ?? expect.fail("not found");
  });
  const download = (signal = running) => bucket.download(object, target(), signal);

  /** Three objects of `critic_agg`; `remembered` answers what the ledger knows of objects. */
  async function arrived(remembered: object[], again?: string, keys = ["in/a.csv", "in/b.csv", "in/c.csv"]) {
    await store.close();
    await open(keys);
    const shown: string[] = [];
    let nowMs = 0;
    const silent = () => undefined;
    const report = {
      ...{ info: silent, warn: silent, error: silent },
      progress: (line: string) => void shown.push(line),
    };
    const progress = new Progress(report, () => (nowMs += 1000));
    const noted: unknown[] = [];
    const query = async (sql: string, values: unknown[] = []) => {
      if (sql.includes("insert into ledger.landed_object")) noted.push(...JSON.parse(String(values[0])));
      return { rows: sql.includes("ledger.landed_object as known") ? remembered : [] };
    };
    const tools = {
      ...{ ledger: { query, end: async () => undefined }, buckets: () => bucket, folder },
      ...{ runId: "run", signal: running, again, progress },
    };
    const source = sourceOf(["s3://drop/in/"]);
    const deliveries = await sized(await expandDeliveries(source, { hostRoot: "", buckets: () => bucket }));
    const texts: string[] = [];
    for await (const arrival of arrivals(source, deliveries, tools)) {
      if ("error" in arrival) throw arrival.error;
      if ("loaded" in arrival) texts.push(`${arrival.delivery.hostPath} is ${arrival.loaded.state}`);
      else texts.push(`${arrival.file.hostPath}: ${readFileSync(arrival.file.path, "utf8")}`);
    }
    const left = (await readdir(folder)).filter((name) => name.startsWith("download"));
    return { texts, noted, left, shown };
  }

  it("should be seen on its way, and while it is hashed, where it comes alone", async () => {
    const { shown } = await arrived([], undefined, ["in/a.csv"]);
    expect(shown).toEqual([
      "critic_agg download [##########] 100 %, 19 B of 19 B, 19 B/s, 0 s left",
      "critic_agg hash [##########] 100 %, 19 B of 19 B, 19 B/s, 0 s left",
    ]);
    expect((await arrived([])).shown).toEqual([]);
  });

  it("should be here as a file while it is loaded, and no longer", async () => {
    const { texts, noted, left } = await arrived([]);
    expect(texts).toEqual(
      ["a", "b", "c"].map((name) => `s3://drop/in/${name}.csv: content of in/${name}.csv`),
    );
    expect(noted).toMatchObject(["a", "b", "c"].map((name) => ({ location: `s3://drop/in/${name}.csv` })));
    expect(left).toEqual([]);
  });

  it("should not come here when it is known, unless it shall be loaded again", async () => {
    const known = (name: string, state: string) => ({
      ...{ location: `s3://drop/in/${name}.csv`, batch_id: name, state },
    });
    const remembered = [known("a", "committed"), known("b", "excluded")];
    const { texts } = await arrived(remembered);
    expect(texts).toEqual([
      "s3://drop/in/a.csv is committed",
      "s3://drop/in/b.csv is excluded",
      "s3://drop/in/c.csv: content of in/c.csv",
    ]);
    expect(store.requests.filter((line) => /^GET .*[ab]\.csv/.test(line))).toEqual([]);
    const again = await arrived(remembered, "s3://drop/in/a.csv");
    expect(again.texts[0]).toBe("s3://drop/in/a.csv: content of in/a.csv");
  });

  const refused: [what: string, says: string, prepare: () => void][] = [
    [
      "is gone",
      "no such object: it was listed, and is gone: expected an object that stays where it is",
      () => store.objects.clear(),
    ],
    [
      "was replaced",
      "changed while it was read: another version: expected the 19 bytes that were listed",
      () => store.objects.set("in/a.csv", "content of in/b.csv"),
    ],
    [
      "is shorter than listed, under the same ETag",
      "changed while it was read: 19 bytes: expected the 20 bytes that were listed",
      () => {
        object = { ...object, byteCount: 20 };
      },
    ],
    [
      "may not be read",
      "access denied: expected a key that may list the bucket and get its objects",
      () => {
        store.instead = refuseWith(403, "AccessDenied");
      },
    ],
  ];
  it.each(refused)("should be refused when it %s", async (_, says, prepare) => {
    prepare();
    await expect(download()).rejects.toMatchObject({
      message: `s3://drop/in/a.csv: ${says}`,
      exitCode: exitCode.inputRefused,
      next: expect.any(String),
    });
  });

  const begin = { etag: '"4d2b7ae6c0a6ea5f5b9e8a2f1c3d4e5f"', "content-length": "19" };
  it.each([
    ["never answers", "no answer within 1 s", () => true],
    [
      "stalls half way",
      "no answer within 1 s after 7 of 19 bytes",
      (response: import("node:http").ServerResponse) => response.writeHead(200, begin).write("content"),
    ],
    [
      "breaks the connection",
      "the connection broke after 7 of 19 bytes",
      (response: import("node:http").ServerResponse) =>
        response.writeHead(200, begin).write("content", () => setTimeout(() => response.destroy(), 50)),
    ],
    [
      "is overloaded",
      "HTTP status 503",
      (response: import("node:http").ServerResponse) => response.writeHead(503).end(),
    ],
  ])("should end the run when the service %s", async (_, says, answer) => {
    object = { ...object, etag: "4d2b7ae6c0a6ea5f5b9e8a2f1c3d4e5f" };
    store.instead = (_request, response) => {
      answer(response);
      return true;
    };
    await expect(download()).rejects.toMatchObject({
      message: `download s3://drop/in/a.csv: ${says}`,
      exitCode: exitCode.serviceDown,
      next: expect.stringContaining(store.login.endpoint),
    });
    expect(store.requests.filter((line) => line.endsWith("a.csv"))).toHaveLength(1);
  });

  it("should be left alone at once on Ctrl-C", async () => {
    const interrupt = new AbortController();
    store.instead = (_, response) => {
      response.writeHead(200, { ...begin, etag: `"${object.etag}"` }).write("content");
      setTimeout(() => interrupt.abort(new ReelhouseError("interrupted", exitCode.interrupted)), 20);
      return true;
    };
    await expect(
      connectBucket(store.login, 60_000).download(object, target(), interrupt.signal),
    ).rejects.toMatchObject({
      message: "interrupted",
    });
  }, 5000);
});

describe("a store", () => {
  beforeEach(() => open(["in/a.csv"]));
  const list = () => expand(["s3://drop/in/"]);

  it.each([
    [404, "NoSuchBucket", "no such bucket: expected a bucket of the store"],
    [403, "AccessDenied", "access denied: expected a key that may list the bucket and get its objects"],
    [
      403,
      "InvalidAccessKeyId",
      "the store refuses the login: expected an access key and its secret key that the store knows",
    ],
    [
      403,
      "SignatureDoesNotMatch",
      "the store refuses the login: expected an access key and its secret key that the store knows",
    ],
    [
      400,
      "AuthorizationHeaderMalformed",
      "the bucket is in another region: expected the bucket's own region and its endpoint",
    ],
    [
      403,
      "RequestTimeTooSkewed",
      "the clocks of the store and of this machine differ: expected less than 15 minutes",
    ],
  ])("should be told apart by what it answers: %i %s", async (status, code, says) => {
    store.instead = refuseWith(status, code);
    await expect(list()).rejects.toMatchObject({
      message: `s3://drop/in/: ${says}`,
      exitCode: exitCode.inputRefused,
      next: expect.stringContaining("(stores.partner of pipeline.yaml)"),
    });
  });

  it("should be a service that is down when nobody answers, or somebody else does", async () => {
    store.instead = (_, response) => {
      response.writeHead(200).end("<html>Welcome</html>");
      return true;
    };
    const down = { exitCode: exitCode.serviceDown, next: expect.stringContaining(store.login.endpoint) };
    await expect(list()).rejects.toMatchObject({
      ...down,
      message: expect.stringContaining("list s3://drop/in/: "),
    });
    await store.close();
    bucket = connectBucket(store.login, silenceMs);
    await expect(list()).rejects.toMatchObject({ ...down, message: expect.stringContaining("ECONNREFUSED") });
  });

  it("should be the stack's own, whose faults the stack mends", async () => {
    bucket = connectBucket({ ...store.login, store: undefined }, silenceMs);
    store.instead = refuseWith(404, "NoSuchBucket");
    await expect(list()).rejects.toMatchObject({
      message: "store: list s3://drop/in/: said NoSuchBucket",
      exitCode: exitCode.serviceDown,
      next: expect.stringContaining("./scripts/up"),
    });
  });
});

describe("a store with HTTPS", () => {
  // Trust is settled when Node starts.
  const list = `
    import { connectBucket } from ${JSON.stringify(join(projectFolder, "ingest/src/objects/bucket.ts"))};
    const found = await connectBucket(JSON.parse(process.argv[1]), 60_000).list("", { recursive: true });
    console.log(found.map(({ hostPath }) => hostPath).join());`;
  const certificate = () => join(folder, "server.crt");
  const run = async (env: Record<string, string>) => {
    const words = ["--input-type=module", "--eval", list, JSON.stringify(store.login)];
    return promisify(execFile)(process.execPath, words, { env: { ...process.env, ...env } });
  };
  beforeEach(async () => {
    const key = join(folder, "server.key");
    const words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    execFileSync("openssl", [...words, ...names, "-keyout", key, "-out", certificate()], { stdio: "ignore" });
    store = await startStore(["a.csv"], { key: readFileSync(key), cert: readFileSync(certificate()) });
  });

  it("should be read when its authority is trusted, and not otherwise", async () => {
    const { stdout } = await run({ NODE_EXTRA_CA_CERTS: certificate() });
    expect(stdout).toBe("s3://drop/a.csv\n");
    await expect(run({ NODE_EXTRA_CA_CERTS: "" })).rejects.toMatchObject({
      stderr: expect.stringContaining("list s3://drop/: self-signed certificate"),
    });
  });
});

describe("a file that is sent in parts", () => {
  it("should not be mixed with what an interrupted upload has left", async () => {
    await open([]);
    const file = join(folder, "large");
    await writeFile(file, Buffer.alloc(17 * 1_048_576));
    let unfinished = "<Upload><Key>rows/a</Key><UploadId>left</UploadId></Upload>";
    const asked: string[] = [];
    store.instead = (request, response) => {
      asked.push(`${request.method} ${request.url}`);
      if (request.method === "DELETE") unfinished = "";
      const listing = `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${unfinished}</ListMultipartUploadsResult>`;
      response.writeHead(request.method === "POST" ? 400 : request.method === "GET" ? 200 : 204);
      response.end(request.method === "GET" ? listing : "");
      return true;
    };
    const settings = { store: { endpoint: store.login.endpoint, ingest: store.login }, silenceMs } as never;
    await expect(connectStore(settings, "ingest").putFile("drop", "rows/a", file)).rejects.toThrow();
    const removed = asked.indexOf("DELETE /drop/rows/a?uploadId=left");
    expect(removed).toBeGreaterThan(0);
    expect(asked.findIndex((line) => line.startsWith("POST"))).toBeGreaterThan(removed);
  });
});

describe("an upload", () => {
  it("should tell how far it is while the service takes its time", async () => {
    await open([]);
    const file = join(folder, "slow");
    await writeFile(file, Buffer.alloc(100_000));
    store.instead = (request, response) => {
      request.resume().once("end", () => setTimeout(() => response.writeHead(200, { etag: "e" }).end(), 500));
      return true;
    };
    const told: number[] = [];
    const settings = {
      store: { endpoint: store.login.endpoint, ingest: store.login },
      silenceMs: 5000,
    } as never;
    await connectStore(settings, "ingest").putFile("drop", "rows/a", file, {
      onBytes: (bytes) => void told.push(bytes),
    });
    expect(told.length).toBeGreaterThan(0);
    expect(told.at(-1)).toBe(100_000);
  });
});

describe("landing files", () => {
  const report = { info: () => {}, warn: () => {}, error: () => {}, progress: () => {} };
  const uploaded = new Map<string, string>();
  const signal = new AbortController().signal;
  const land = async (names: string[], to = "") => {
    const fake = {
      upload: async (key: string, file: string) => void uploaded.set(key, readFileSync(file, "utf8")),
    };
    const files = names.map((name) => ({ hostPath: `/${name}`, path: join(folder, "land", name) }));
    return landFiles(files, to, { bucket: fake as unknown as Bucket, report, signal });
  };
  beforeEach(async () => {
    await open([]);
    uploaded.clear();
    for (const [name, text] of [
      ["a.csv", "one"],
      ["b.csv", "two"],
      ["empty.csv", ""],
      ["deep/a.csv", "three"],
    ] as const) {
      mkdirSync(dirname(join(folder, "land", name)), { recursive: true });
      await writeFile(join(folder, "land", name), text);
    }
  });

  it("should put each under its name, below the folder", async () => {
    expect(await land(["a.csv", "b.csv"], "critics/2026/")).toEqual([
      { file: "/a.csv", location: "s3://landing/critics/2026/a.csv", byteCount: 3 },
      { file: "/b.csv", location: "s3://landing/critics/2026/b.csv", byteCount: 3 },
    ]);
    await land(["deep/a.csv"]);
    expect([...uploaded]).toEqual([
      ["critics/2026/a.csv", "one"],
      ["critics/2026/b.csv", "two"],
      ["a.csv", "three"],
    ]);
  });

  it.each([
    ["missing", ["a.csv", "none.csv"], "", exitCode.inputRefused, "/none.csv: no such file"],
    ["empty", ["a.csv", "empty.csv"], "", exitCode.inputRefused, "/empty.csv: empty, 0 bytes"],
    ["a folder", ["a.csv", "deep"], "", exitCode.inputRefused, "/deep: a folder"],
    ["two of one name", ["a.csv", "deep/a.csv"], "", exitCode.usage, "one would replace the other"],
    ...["/critics", "a//b", "../a", "s3://landing/a"].map(
      (to) => [`no folder: ${to}`, ["a.csv"], to, exitCode.usage, `found '${to}'`] as const,
    ),
  ] as const)("should put nothing when one is %s", async (_, names, to, code, says) => {
    await expect(land([...names], to)).rejects.toMatchObject({
      message: expect.stringContaining(says),
      exitCode: code,
    });
    expect(uploaded.size).toBe(0);
  });
});
