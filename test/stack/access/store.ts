/** Each key of the object store against each place and operation: what is not granted here has to be refused. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Stack } from "../stack.ts";
import type { Running } from "./running.ts";

interface Grants {
  list: RegExp;
  get: RegExp;
  put: RegExp;
  delete: RegExp;
  /** An old version of an object, for good (default: nothing). */
  erase?: RegExp;
}
const nothing = /^$/;
const ingestersOwn = /^bronze\/(rows|quarantine|originals)\//;
const publishersOwn = /^warehouse\/(.*\/metadata|_publications)\//;
/** The copies of the journal, and the states as of a publication, are written by the publisher alone. */
const branchsOwn = /^warehouse\/(?!(_publications|_as_of)\/)/;
const tables = /^(bronze|warehouse)($|\/)/;
const everything = /^(bronze|landing|warehouse)($|\/)/;
/** Of upkeep: the tables' own folders, without the deliveries' objects. */
const rewritten = /^(bronze\/tables|warehouse\/(?!(_publications|_as_of)\/).*)\//;
const removed = /^(bronze\/tables|warehouse\/(?!_publications\/).*)\//;
const erased = /^(bronze|landing|warehouse\/(?!_publications\/).*)\//;
const tablesMetadata = /^(bronze\/tables|warehouse)\/.*\/metadata\//;
const ownMetadata = /^(bronze\/tables|warehouse\/(?!_as_of\/).*)\/.*metadata\//;
const nobodysRights: Grants = { list: nothing, get: nothing, put: nothing, delete: nothing };
/** By user, as in store/policies; each pattern says for which buckets or objects the operation is allowed. */
const grants: Record<string, Grants> = {
  ingest: {
    list: /^(bronze|landing)$/,
    get: new RegExp(`${ingestersOwn.source}|^landing\\/`),
    put: ingestersOwn,
    delete: nothing,
  },
  landing: { list: /^landing$/, get: /^landing\//, put: /^landing\//, delete: nothing },
  publisher: {
    ...nobodysRights,
    get: new RegExp(`${publishersOwn.source}|^bronze\\/tables\\/.*\\/metadata\\/`),
    put: publishersOwn,
  },
  trino_reader: { ...nobodysRights, list: tables, get: tables },
  trino_ingest: { list: /^bronze$/, get: /^bronze\//, put: /^bronze\/tables\//, delete: /^bronze\/tables\// },
  trino_audit: { list: tables, get: tables, put: branchsOwn, delete: branchsOwn },
  trino_branch: { list: tables, get: tables, put: branchsOwn, delete: branchsOwn },
  backup: { ...nobodysRights, list: everything, get: everything },
  restore: { ...nobodysRights, list: everything, put: everything },
  trino_maintenance: { ...nobodysRights, list: tables, get: tables, put: rewritten },
  maintenance: { list: tables, get: tablesMetadata, put: ownMetadata, delete: removed },
  direct: { ...nobodysRights, get: /^warehouse\/(gold|silver)\// },
  // A request for many versions takes both rights.
  erasure: { ...nobodysRights, list: /^(bronze|landing|warehouse)$/, delete: erased, erase: erased },
  anonymous: nobodysRights,
};

const buckets = ["bronze", "landing", "warehouse"];
const folders = [
  ...["rows/", "quarantine/", "originals/", "tables/", ""].map((folder) => `bronze/${folder}access-probe`),
  "landing/access-probe",
  ...["data", "metadata"].map((folder) => `warehouse/access-probe/${folder}`),
  "warehouse/gold/access-probe",
  "bronze/tables/access-probe/metadata",
  "warehouse/_publications/access-probe",
  "warehouse/_as_of/access-probe/metadata",
];
/** From each bucket to each, as one request: what may not be read or not be written is not copied. */
const copies = (user: string) => {
  const places = ["bronze/rows/access-probe", "landing/access-probe", "warehouse/access-probe/data"];
  return places.flatMap((from) => places.map((to) => [`${from}/seed`, `${to}/${user}-copy`] as const));
};
const never = "00000000-0000-0000-0000-000000000000";
/** What only the store's root may do. */
const forRootAlone = [
  "PUT access-probe",
  ...buckets.flatMap((bucket) => [
    `DELETE ${bucket}`,
    `PUT ${bucket}?versioning <VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>`,
    `DELETE ${bucket}?lifecycle`,
    `PUT ${bucket}?policy {"Version":"2012-10-17","Statement":[]}`,
  ]),
  "GET minio/admin/v3/list-users",
];

// Sends each line `METHOD path body` of its input to the store and prints the HTTP statuses, a line each. `COPY path from`
// puts what another object has.
const sendRequests = `
while read -r method path body; do
    if [ "$method" = COPY ]; then set -- --request PUT --header "x-amz-copy-source: /$body"
    else set -- --request "$method" \${body:+--data-binary "$body"}; fi
    set -- "$@" --silent --output /dev/null --write-out '%{http_code}\\n'
    [ -z "$LOGIN" ] || set -- "$@" --aws-sigv4 aws:amz:us-east-1:s3 --user "$LOGIN"
    curl "$@" "http://localhost:9000/$path"
done`;

/** With the names that the buckets of this stack have. */
const asNamed = (stack: Stack, request: string) =>
  request.replaceAll(/ (?=(landing|bronze|warehouse)\b)/g, ` ${stack.env.STORE_PREFIX}`);

/** `login`: ACCESS_KEY:SECRET_KEY, or empty for nobody. Returns the HTTP status of each request. */
export async function statuses(
  stack: Stack,
  login: string,
  requests: string[],
): Promise<Record<string, number>> {
  const words = ["exec", "-T", "-e", `LOGIN=${login}`, "store", "sh", "-c", sendRequests];
  const { stdout } = await stack.compose(words, {
    input: `${requests.map((request) => asNamed(stack, request)).join("\n")}\n`,
  });
  const codes = stdout.trim().split("\n").map(Number);
  expect(codes).toHaveLength(requests.length);
  return Object.fromEntries(requests.map((request, index) => [request, codes[index] ?? 0]));
}

/** `root`: ACCESS_KEY:SECRET_KEY of the store's root. */
export async function removeProbes(stack: Stack, root: string): Promise<void> {
  const remove = `for place in bronze/rows bronze/quarantine bronze/originals bronze/tables bronze landing warehouse warehouse/gold warehouse/_publications warehouse/_as_of; do
      mc rm --quiet --recursive --force --versions "store/$place/access-probe"; done`;
  const settings = ["-e", "MC_CONFIG_DIR=/tmp/mc-test", "-e", `MC_HOST_store=http://${root}@localhost:9000`];
  await stack.compose(["exec", "-T", ...settings, "store", "sh", "-c", remove]);
}

const verdict = (status: number) => ({ 200: "allowed", 204: "allowed", 403: "refused" })[status] ?? status;

/** `areProbesLeft`: on a store that no other test looks at. */
export function objectStore(runningOf: () => Running, { areProbesLeft = false } = {}): void {
  let stack: Stack;
  let secrets: Running["secrets"];
  let root: string;
  beforeAll(async () => {
    ({ stack, secrets } = runningOf());
    root = `${secrets.STORE_ROOT_USER}:${secrets.STORE_ROOT_PASSWORD}`;
    await statuses(
      stack,
      root,
      folders.map((folder) => `PUT ${folder}/seed seed`),
    );
  });
  afterAll(async () => {
    if (!areProbesLeft) await removeProbes(stack, root);
  });

  it.each(Object.entries(grants))(
    "should grant %s what its policy says and refuse the rest",
    async (user, granted) => {
      const name = user.toUpperCase();
      const login =
        user === "anonymous" ? "" : `${secrets[`S3_${name}_ACCESS_KEY`]}:${secrets[`S3_${name}_SECRET_KEY`]}`;
      const say = (allowed: boolean) => (allowed ? "allowed" : "refused");
      const expected = Object.fromEntries([
        ...buckets.map((bucket) => [`GET ${bucket}?list-type=2&max-keys=1`, say(granted.list.test(bucket))]),
        ...folders.flatMap((folder) => [
          [`GET ${folder}/seed`, say(granted.get.test(`${folder}/`))],
          [`PUT ${folder}/${user} text`, say(granted.put.test(`${folder}/`))],
          [`DELETE ${folder}/${user}`, say(granted.delete.test(`${folder}/`))],
          [`DELETE ${folder}/seed?versionId=${never}`, say((granted.erase ?? nothing).test(`${folder}/`))],
        ]),
        ...copies(user).map(([from, to]) => [
          `COPY ${to} ${from}`,
          say(granted.get.test(from) && granted.put.test(to)),
        ]),
        ...forRootAlone.map((request) => [request, "refused"]),
      ]);
      const answers = await statuses(stack, login, Object.keys(expected));
      expect(
        Object.fromEntries(Object.entries(answers).map(([request, status]) => [request, verdict(status)])),
      ).toEqual(expected);
    },
  );

  it("should refuse a wrong secret and an unknown key", async () => {
    const list = ["GET bronze?list-type=2"];
    expect(await statuses(stack, root, list)).toEqual({ "GET bronze?list-type=2": 200 });
    for (const login of [`${secrets.S3_INGEST_ACCESS_KEY}:wrong`, "nobody:wrong", "minioadmin:minioadmin"]) {
      expect(await statuses(stack, login, list)).toEqual({ "GET bronze?list-type=2": 403 });
    }
  });

  it.each(buckets)(
    "should keep old versions in %s, for the days that the lifecycle rule says",
    async (bucket) => {
      const folder = `${bucket === "bronze" ? "tables/" : ""}access-probe`;
      await statuses(stack, root, [`PUT ${bucket}/${folder}/old text`, `DELETE ${bucket}/${folder}/old`]);
      const read = `for what in versioning lifecycle versions\\&prefix=${folder}; do
      curl --silent --aws-sigv4 aws:amz:us-east-1:s3 --user "$LOGIN" "http://localhost:9000/${stack.env.STORE_PREFIX}${bucket}?$what"; done`;
      const { stdout } = await stack.compose([
        "exec",
        "-T",
        "-e",
        `LOGIN=${root}`,
        "store",
        "sh",
        "-c",
        read,
      ]);
      expect(stdout).toContain("<Status>Enabled</Status></VersioningConfiguration>");
      expect(stdout).toMatch(/<Status>Enabled<\/Status>.*<NoncurrentDays>30<\/NoncurrentDays>/s);
      expect(stdout).toMatch(/<DeleteMarker>.*\/old<\/Key>/);
    },
  );
}
