/**
 * Makes every secret and certificate of the stack, once, into one volume per service: each service mounts its own
 * and sees nothing of the others. Running it again adds what is missing and changes nothing that is there.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { usageError } from "./errors.ts";
import { forgetAuthority, makeCertificates } from "./secrets/certificates.ts";
import { builtInUsers, groupFile, type People, passwordFile, trinoPassword } from "./secrets/logins.ts";
import { requireStore, serviceKeys } from "./secrets/service-keys.ts";
import { writeAtomically } from "./secrets/write.ts";

/** Where the service `secrets` mounts the volumes. */
export const volumesFolder = "/secrets";

/** Users of the containers that read secrets, as their Dockerfiles fix them. */
const uid = {
  store: 10001,
  trino: 10002,
  catalog: 10003,
  dbt: 10005,
  docs: 10005,
  superset: 10006,
  direct: 10001,
} as const;

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
/** Of people's own engines, which read what is published. */
const readers = ["DIRECT"] as const;
const storeUsers = [...commandUsers, ...catalogRoles, ...readers] as const;
const commandRoles = ["PUBLISHER", "LEDGER", "BACKUP"] as const;
/** Of a catalog of Trino that has nothing on the store, and of Superset's own database. */
const otherRoles = ["TRINO_OPERATIONS", "SUPERSET"] as const;
const databaseRoles = [...catalogRoles, ...commandRoles, ...otherRoles] as const;

const storeKeys = (user: string) => [`S3_${user}_ACCESS_KEY`, `S3_${user}_SECRET_KEY`];
const databasePassword = (role: string) => `PG_${role}_PASSWORD`;

/** Which secrets each volume holds: nothing that its service does not use. */
const holdings: Record<string, string[]> = {
  store: ["STORE_ROOT_USER", "STORE_ROOT_PASSWORD", ...storeUsers.flatMap(storeKeys)],
  catalog: databaseRoles.map(databasePassword),
  trino: [
    "TRINO_SHARED_SECRET",
    trinoPassword("HEALTH"),
    ...catalogRoles.flatMap((name) => [...storeKeys(name), databasePassword(name)]),
    databasePassword("TRINO_OPERATIONS"),
  ],
  dbt: [trinoPassword("DBT"), "DBT_TOKEN"],
  superset: [
    "SUPERSET_SECRET_KEY",
    "SUPERSET_ADMIN_PASSWORD",
    databasePassword("SUPERSET"),
    trinoPassword("BI"),
  ],
  docs: [trinoPassword("BI")],
  reelhouse: [
    ...[...commandUsers, ...readers].flatMap(storeKeys),
    ...commandRoles.map(databasePassword),
    ...["ADMIN", "INGEST", "DBT", "DEVELOPER", "BI", "MAINTENANCE"].map(trinoPassword),
    "DBT_TOKEN",
    "SUPERSET_ADMIN_PASSWORD",
  ],
};

/** With it, Superset has encrypted what people keep there, such as passwords of connections that they made. */
const keptKey = "SUPERSET_SECRET_KEY";

/** Those that speak to Trino, and itself. */
const trustsAuthority = ["trino", "dbt", "superset", "docs", "reelhouse"];

/** Fills `folder`/{root,store,catalog,trino,dbt,superset,docs,direct,reelhouse}; `folder`/root keeps all secrets and the CA's key. */
export function makeSecrets(folder: string): void {
  handOverAll(folder, readJson(secretsFile(folder)), givenKeys(folder));
}

/**
 * Makes every secret anew but `keptKey`, and the authority if it is told; the passwords of people stay. What was
 * written down first is what holds: a renewal that was cut off is completed by the next `makeSecrets`.
 */
export function renewSecrets(folder: string, { renewsAuthority }: { renewsAuthority: boolean }): void {
  requireVolumes(folder);
  const given = givenKeys(folder);
  if (renewsAuthority) forgetAuthority(join(folder, "root"));
  const { [keptKey]: kept } = readJson(secretsFile(folder));
  handOverAll(folder, kept === undefined ? {} : { [keptKey]: kept }, given);
}

/** Throws what `renewSecrets` would refuse, and changes nothing. */
export function requireRenewable(folder: string): void {
  requireVolumes(folder);
  givenKeys(folder);
}

/** Replaces the people who may log in to Trino, besides its own users. */
export function writePeople(folder: string, people: People): void {
  writeAtomically(peopleFile(folder), JSON.stringify(people, null, 2), { mode: 0o600 });
  makeSecrets(folder);
}

export function readPeople(folder: string): People {
  return readJson(peopleFile(folder));
}

/** Throws exit 2 in a container that does not mount what is changed here: all but that of the service `secrets`. */
export function requireVolumes(folder: string): void {
  if (existsSync(secretsFile(folder))) return;
  throw usageError(
    `${folder}: the secrets are not here`,
    "run it as ./scripts/reelhouse, or with docker compose run --rm secrets",
  );
}

const secretsFile = (folder: string) => join(folder, "root", "secrets.json");
const peopleFile = (folder: string) => join(folder, "root", "people.json");

const readJson = (file: string) => (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {});

/** The keys of a service that the user names as the store. Throws exit 2 before anything is changed. */
function givenKeys(folder: string): Record<string, string> {
  requireStore(process.env);
  return process.env.STORE === "s3" ? serviceKeys(`${folder}/store-keys`, storeUsers) : {};
}

/**
 * Adds the secrets that are missing in `all`, keeps them, and gives each service what it uses. What is `given` is not
 * kept: a store that runs here has its own again when STORE is set back.
 */
function handOverAll(folder: string, all: Record<string, string>, given: Record<string, string>): void {
  const root = join(folder, "root");
  const people = readPeople(folder);
  const names = [...Object.values(holdings).flat(), ...builtInUsers.map(trinoPassword)];
  for (const name of names) all[name] ??= newSecret(name);
  writeAtomically(secretsFile(folder), JSON.stringify(all, null, 2), { mode: 0o600 });

  makeCertificates(root);
  const authority = readFileSync(join(root, "ca.crt"), "utf8");
  for (const [service, names] of Object.entries(holdings)) {
    const lines = names.map((name) => `${name}=${given[name] ?? all[name]}\n`).join("");
    handOver(folder, service, "env", lines);
    if (trustsAuthority.includes(service)) handOver(folder, service, "ca.crt", authority);
  }
  handOver(folder, "trino", "server.pem", readFileSync(join(root, "server.pem"), "utf8"));
  handOver(folder, "direct", "server.pem", readFileSync(join(root, "direct.pem"), "utf8"));
  handOver(folder, "trino", "groups.txt", groupFile(people));
  handOver(folder, "trino", "password.db", passwordFile(people, all));
}

/** 32 random bytes as hex; access keys are shorter, because S3 services take at most 20 characters. */
function newSecret(name: string): string {
  const short = name.endsWith("_ACCESS_KEY") || name === "STORE_ROOT_USER";
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
