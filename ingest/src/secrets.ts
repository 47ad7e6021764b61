/**
 * Makes every secret and certificate of the stack, once, into one volume per service: each service mounts its own
 * and sees nothing of the others. Running it again adds what is missing and changes nothing that is there.
 */
import { execFileSync } from "node:child_process";
import { createHash, pbkdf2Sync, randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** Users of the containers that read secrets, as their Dockerfiles fix them. */
const uid = { minio: 10001, trino: 10002, catalog: 10003, dbt: 10005 } as const;

/** Of Trino's catalogs: each has a role in the database and a key of the store. */
const catalogRoles = [
  "TRINO_READER",
  "TRINO_INGEST",
  "TRINO_AUDIT",
  "TRINO_BRANCH",
  "TRINO_MAINTENANCE",
] as const;
const commandUsers = [
  "INGEST",
  "LANDING",
  "PUBLISHER",
  "BACKUP",
  "RESTORE",
  "MAINTENANCE",
  "ERASURE",
] as const;
const storeUsers = [...commandUsers, ...catalogRoles] as const;
const commandRoles = ["PUBLISHER", "LEDGER", "BACKUP"] as const;
const databaseRoles = [...catalogRoles, ...commandRoles] as const;
const trinoUsers = ["ADMIN", "INGEST", "DBT", "DEVELOPER", "BI", "MAINTENANCE", "HEALTH"] as const;

const storeKeys = (user: string) => [`S3_${user}_ACCESS_KEY`, `S3_${user}_SECRET_KEY`];
const databasePassword = (role: string) => `PG_${role}_PASSWORD`;
const trinoPassword = (user: string) => `TRINO_${user}_PASSWORD`;

/** Which secrets each volume holds: nothing that its service does not use. */
const holdings: Record<string, string[]> = {
  minio: ["MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", ...storeUsers.flatMap(storeKeys)],
  catalog: databaseRoles.map(databasePassword),
  trino: [
    "TRINO_SHARED_SECRET",
    trinoPassword("HEALTH"),
    ...catalogRoles.flatMap((name) => [...storeKeys(name), databasePassword(name)]),
  ],
  dbt: [trinoPassword("DBT"), "DBT_TOKEN"],
  reelhouse: [
    ...commandUsers.flatMap(storeKeys),
    ...commandRoles.map(databasePassword),
    ...["ADMIN", "INGEST", "DBT", "DEVELOPER", "BI", "MAINTENANCE"].map(trinoPassword),
    "DBT_TOKEN",
  ],
};

/** Fills `folder`/{root,minio,catalog,trino,dbt,reelhouse}; `folder`/root keeps all secrets and the CA's key. */
export function makeSecrets(folder: string): void {
  const root = join(folder, "root");
  const all = loadSecrets(join(root, "secrets.json"));
  for (const name of new Set(Object.values(holdings).flat())) all[name] ??= newSecret(name);
  for (const user of trinoUsers) all[trinoPassword(user)] ??= newSecret(user);
  writeAtomically(join(root, "secrets.json"), JSON.stringify(all, null, 2), { mode: 0o600 });

  makeCertificates(root);
  const authority = readFileSync(join(root, "ca.crt"), "utf8");
  for (const [service, names] of Object.entries(holdings)) {
    const lines = names.map((name) => `${name}=${all[name]}\n`).join("");
    handOver(folder, service, "env", lines);
    if (service === "trino" || service === "dbt" || service === "reelhouse")
      handOver(folder, service, "ca.crt", authority);
  }
  handOver(folder, "trino", "server.pem", readFileSync(join(root, "server.pem"), "utf8"));
  handOver(folder, "trino", "password.db", passwordFile(all));
}

function loadSecrets(file: string): Record<string, string> {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

/** 32 random bytes as hex; access keys are shorter, because S3 services take at most 20 characters. */
function newSecret(name: string): string {
  const short = name.endsWith("_ACCESS_KEY") || name === "MINIO_ROOT_USER";
  return randomBytes(short ? 10 : 32).toString("hex");
}

/**
 * Writes a file into a service's volume. The CLI's is readable by everyone in its container, for that runs as the
 * caller; the volume itself is mounted nowhere else.
 */
function handOver(folder: string, service: string, name: string, content: string): void {
  const owner = uid[service as keyof typeof uid];
  const file = join(folder, service, name);
  writeAtomically(file, content, owner === undefined ? { mode: 0o444 } : { mode: 0o400, owner });
}

/** A reader sees the old file or the new one, never half of one; an unchanged file is left alone. */
function writeAtomically(
  file: string,
  content: string,
  { mode, owner }: { mode: number; owner?: number },
): void {
  mkdirSync(join(file, ".."), { recursive: true });
  if (existsSync(file) && readFileSync(file, "utf8") === content) return;
  const draft = `${file}.new`;
  writeFileSync(draft, content, { mode });
  chmodSync(draft, mode);
  if (owner !== undefined) chownSync(draft, owner, owner);
  renameSync(draft, file);
}

/** Trino's password file: PBKDF2 with Trino's least accepted form `iterations:salt:hash`, salted per user. */
function passwordFile(all: Record<string, string>): string {
  return trinoUsers
    .map((user) => {
      const password = all[trinoPassword(user)] ?? "";
      // Derived, not random: the file stays the same at each start, so Trino does not reload it for nothing.
      const salt = createHash("sha256").update(`salt ${user} ${password}`).digest().subarray(0, 16);
      const iterations = 10_000;
      const hash = pbkdf2Sync(password, salt, iterations, 64, "sha1");
      return `${user.toLowerCase()}:${iterations}:${salt.toString("hex")}:${hash.toString("hex")}\n`;
    })
    .join("");
}

const authorityDays = 3650;
const serverDays = 825;
const renewWithinSeconds = 30 * 24 * 3600;

/** A local certificate authority and Trino's certificate, signed by it and renewed a month before it ends. */
function makeCertificates(root: string): void {
  const authority = { key: join(root, "ca.key"), certificate: join(root, "ca.crt") };
  const elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  if (!isValid(authority.certificate)) {
    openssl(
      ["req", "-x509", ...elliptic, "-days", `${authorityDays}`, "-subj", "/CN=Reelhouse local CA"],
      [
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
        "-keyout",
        authority.key,
        "-out",
        authority.certificate,
      ],
    );
  }
  const server = join(root, "server.pem");
  if (isValid(server) && isSignedBy(authority.certificate, server)) return;
  const key = join(root, "server.key");
  const certificate = join(root, "server.crt");
  openssl(
    [
      "req",
      "-x509",
      ...elliptic,
      "-days",
      `${serverDays}`,
      "-subj",
      "/CN=trino",
      "-keyout",
      key,
      "-out",
      certificate,
    ],
    ["-CA", authority.certificate, "-CAkey", authority.key, "-addext", "basicConstraints=critical,CA:FALSE"],
    [
      "-addext",
      "subjectAltName=DNS:trino,DNS:localhost,IP:127.0.0.1",
      "-addext",
      "extendedKeyUsage=serverAuth",
    ],
  );
  const chain = readFileSync(certificate, "utf8") + readFileSync(key, "utf8");
  writeAtomically(server, chain, { mode: 0o600 });
}

function isValid(certificate: string): boolean {
  return (
    existsSync(certificate) &&
    succeeds(["x509", "-in", certificate, "-noout", "-checkend", `${renewWithinSeconds}`])
  );
}

const isSignedBy = (authority: string, certificate: string) =>
  succeeds(["verify", "-CAfile", authority, certificate]);

function succeeds(words: string[]): boolean {
  try {
    openssl(words);
    return true;
  } catch {
    return false;
  }
}

function openssl(...words: string[][]): void {
  execFileSync("openssl", words.flat(), { stdio: ["ignore", "ignore", "pipe"] });
}
