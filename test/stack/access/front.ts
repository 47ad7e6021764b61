/** What stands in front of the store: a proxy that takes nothing of what the store would wrongly accept. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Stack } from "../stack.ts";
import type { Running } from "./running.ts";
import { removeProbes, statuses } from "./store.ts";

/** Of `store/haproxy.cfg`: the store itself listens to its own container alone. */
const ports = { front: 9000, store: 9001 };

const headers = (...lines: string[]) => lines.map((line) => `--header '${line}'`).join(" ");
const signed = `--aws-sigv4 aws:amz:us-east-1:s3 --user "$KEY:$SECRET" ${headers("x-amz-content-sha256: UNSIGNED-PAYLOAD")}`;
const unsignedStream = `${headers(
  "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER",
  "x-amz-decoded-content-length: 5",
  "x-amz-trailer: x-amz-checksum-crc32",
  "content-encoding: aws-chunked",
)} --data-binary "$(printf '5\\r\\nhello\\r\\n0\\r\\nx-amz-checksum-crc32:NhCmhg==\\r\\n\\r\\n.')"`;
const inAddress =
  "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=$KEY%2F$DAY%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=$NOW&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=0";
const text = "--data-binary hello";

const object = "bronze/rows/access-probe/front";

interface Shape {
  what: string;
  /** Of curl. `$KEY` is the name of a key that may write here; only what is `signed` knows its secret. */
  options: string;
  query?: string;
  refusal: string;
  /** The store itself does it. */
  isAccepted?: boolean;
}
const shapes: Shape[] = [
  {
    what: "a write by somebody who knows the name of a key, with credentials in the address (CVE-2026-41145)",
    options: unsignedStream,
    query: inAddress,
    refusal: "credentials in the address of a write",
    isAccepted: true,
  },
  {
    what: "the same with names spelled otherwise",
    options: unsignedStream.replace("STREAMING", "streaming"),
    query: inAddress.replaceAll("X-Amz-", "X-%41mz-"),
    refusal: "credentials in the address of a write",
  },
  {
    what: "a stream without a signature (CVE-2026-40344)",
    options: `${unsignedStream} --header "authorization: AWS4-HMAC-SHA256 Credential=$KEY/$DAY/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"`,
    refusal: "a stream without a signature",
  },
  {
    what: "an archive that the store unpacks (CVE-2026-40344)",
    options: `${signed} ${headers("x-amz-meta-snowball-auto-extract: true")} ${text}`,
    refusal: "an archive to be unpacked",
  },
  {
    what: "an object that nobody can read (CVE-2026-34204)",
    options: `${signed} ${headers("x-minio-replication-server-side-encryption-sealed-key: abc")} ${text}`,
    refusal: "a header of replication",
    isAccepted: true,
  },
  {
    what: "a form of a browser",
    options: "--form key=probe --form file=hello --request POST",
    refusal: "a form of a browser",
  },
];

/** `isMinio`: the store itself does what the proxy is there for, and has the client that removes what it did. */
export function storeFront(runningOf: () => Running, { isMinio = true } = {}): void {
  let stack: Stack;
  let root: string;
  let login: string[];
  beforeAll(() => {
    const { secrets } = runningOf();
    stack = runningOf().stack;
    root = `${secrets.STORE_ROOT_USER}:${secrets.STORE_ROOT_PASSWORD}`;
    login = ["-e", `KEY=${secrets.S3_INGEST_ACCESS_KEY}`, "-e", `SECRET=${secrets.S3_INGEST_SECRET_KEY}`];
  });

  afterAll(async () => {
    if (isMinio) await removeProbes(stack, root);
    const list = "GET bronze?list-type=2";
    expect(await statuses(stack, root, [list])).toEqual({ [list]: 200 });
  });

  /** curl's answer; the version that was written and the status come last. */
  async function send(port: number, { options, query = "" }: Pick<Shape, "options" | "query">) {
    const command = `DAY=$(date -u +%Y%m%d); NOW=$(date -u +%Y%m%dT%H%M%SZ)
curl --silent --write-out '\\n%header{x-amz-version-id}\\n%{http_code}' --request PUT ${options} "http://localhost:${port}/${stack.env.STORE_PREFIX}${object}${query}"`;
    const { stdout } = await stack.compose(["exec", "-T", ...login, "store", "sh", "-c", command]);
    const [status, version, ...body] = stdout.split("\n").reverse();
    return { status: Number(status), version: version ?? "", body: body.reverse().join("\n") };
  }

  /** Until it is gone, an object that nobody can read keeps everyone from listing the bucket. */
  const remove = (version: string) => statuses(stack, root, [`DELETE ${object}?versionId=${version}`]);

  it("should let a signed write through", async () => {
    expect(await send(ports.front, { options: `${signed} ${text}` })).toMatchObject({ status: 200 });
  });

  it.each(shapes)("should refuse $what", async ({ refusal, isAccepted = false, ...shape }) => {
    if (isAccepted && isMinio) {
      const { status, version } = await send(ports.store, shape);
      await remove(version);
      expect(status).toBe(200);
    }
    const answer = await send(ports.front, shape);
    expect(answer).toMatchObject({
      status: 403,
      body: expect.stringContaining(`refused before the store: ${refusal}<`),
    });
  });

  // Whoever sends the next request on it would wait for an answer as long as it can.
  it.each([
    ["the store refuses it", text],
    ["the store never sees it", shapes.at(-2)?.options ?? ""],
  ])("should end the connection of a client that asks before it sends a body: %s", async (_what, options) => {
    const asks = `${headers("expect: 100-continue")} --write-out '%header{connection}' --output /dev/null`;
    const refused = `curl --silent --request PUT ${asks} ${options} "http://localhost:${ports.front}/${stack.env.STORE_PREFIX}${object}"`;
    const { stdout } = await stack.compose(["exec", "-T", ...login, "store", "sh", "-c", refused]);
    expect(stdout).toBe("close");
  });

  it("should be the only way to the store", async () => {
    const reach = (port: number) => stack.exec("trino", ["bash", "-c", `exec 3<>/dev/tcp/store/${port}`]);
    expect(await reach(ports.front)).toMatchObject({ code: 0 });
    expect(await reach(ports.store)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Connection refused"),
    });
  });
}
