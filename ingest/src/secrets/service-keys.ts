/** The object store that the user chose, and the keys of one that somebody else runs: from a file, for STORE=s3. */
import { readFileSync } from "node:fs";
import { usageError } from "../errors.ts";

const page = "docs/object-store.md";
/** Where a store that runs here is. */
const ownEndpoint = "http://store:9000";

/** Throws exit 2 for a store that is none, an address that is none of it, or names that no store has. */
export function requireStore({
  STORE = "minio",
  STORE_ENDPOINT = ownEndpoint,
  STORE_PREFIX = "",
}: NodeJS.ProcessEnv): void {
  if (!["minio", "seaweedfs", "s3"].includes(STORE))
    throw usageError(`STORE: expected minio, seaweedfs or s3, found '${STORE}'`, page);
  const isOwn = STORE_ENDPOINT === ownEndpoint;
  if (STORE !== "s3" && !isOwn)
    throw usageError(
      `STORE_ENDPOINT: ${STORE} runs here, at ${ownEndpoint}: take the line out of .env`,
      page,
    );
  if (STORE === "s3" && (isOwn || !/^https?:\/\/[\w.-]+(:\d+)?$/.test(STORE_ENDPOINT)))
    throw usageError(
      `STORE_ENDPOINT: expected the address of your service, such as https://s3.example.com or http://localhost:9000, found '${STORE_ENDPOINT}'`,
      page,
    );
  // A bucket's name has at most 63 characters; the longest is that of the warehouse.
  if (!/^([a-z0-9][a-z0-9-]{0,53})?$/.test(STORE_PREFIX))
    throw usageError(
      `STORE_PREFIX: expected at most 54 lower-case letters, digits and hyphens, no hyphen first, such as acme-reelhouse-, found '${STORE_PREFIX}'`,
      page,
    );
}

/** Those who make the buckets, as the file names them. */
const bucketMaker = "BUCKETS";

/**
 * What `file` gives each of `users` (INGEST, ...), and the root, by the names that the stack knows them by. A line is
 * `S3_INGEST_ACCESS_KEY=...`; the pair `S3_ACCESS_KEY`, `S3_SECRET_KEY` is for everyone who has none of their own. Throws
 * exit 2 for a file that cannot be read, a name that is unknown or there twice, half a pair, and for who has no pair; no
 * value is part of a message.
 */
export function serviceKeys(file: string, users: readonly string[]): Record<string, string> {
  const said = readLines(file, [...users, bucketMaker]);
  const pairOf = (prefix: string) => {
    const [accessKey, secretKey] = [said.get(`${prefix}ACCESS_KEY`), said.get(`${prefix}SECRET_KEY`)];
    if ((accessKey === undefined) !== (secretKey === undefined))
      throw usageError(
        `STORE_KEYS: ${prefix}ACCESS_KEY and ${prefix}SECRET_KEY belong together, found one`,
        page,
      );
    return accessKey === undefined || secretKey === undefined ? undefined : { accessKey, secretKey };
  };
  const everybodys = pairOf("S3_");
  const keys: Record<string, string> = {};
  const without: string[] = [];
  for (const user of [...users, bucketMaker]) {
    const pair = pairOf(`S3_${user}_`) ?? everybodys;
    const isMaker = user === bucketMaker;
    if (pair === undefined) without.push(`S3_${user}_...`);
    keys[isMaker ? "STORE_ROOT_USER" : `S3_${user}_ACCESS_KEY`] = pair?.accessKey ?? "";
    keys[isMaker ? "STORE_ROOT_PASSWORD" : `S3_${user}_SECRET_KEY`] = pair?.secretKey ?? "";
  }
  if (without.length === 0) return keys;
  throw usageError(
    `STORE_KEYS: no keys for ${without.join(", ")}`,
    `name the file with the keys in .env (STORE_KEYS=/path), with S3_ACCESS_KEY and S3_SECRET_KEY, or a pair per user: ${page}`,
  );
}

// Shells read what is handed over, so there is nothing in it that one would take for its own.
const assignment = /^(S3_(?:([A-Z_]+)_)?(?:ACCESS|SECRET)_KEY)=([\w/+=.-]+)$/;

function readLines(file: string, users: readonly string[]): Map<string, string> {
  const said = new Map<string, string>();
  for (const [index, text] of read(file).split("\n").entries()) {
    const line = text.trim();
    if (line === "" || line.startsWith("#")) continue;
    const at = `STORE_KEYS:${index + 1}`;
    const [, name = "", user, value = ""] = assignment.exec(line) ?? [];
    if (name === "")
      throw usageError(
        `${at}: expected NAME=value, with a name such as S3_INGEST_ACCESS_KEY and a value of letters, digits and / + = . _ -`,
        page,
      );
    if (user !== undefined && !users.includes(user))
      throw usageError(`${at}: ${name}: expected one of ${users.join(", ")}, found ${user}`, page);
    if (said.has(name)) throw usageError(`${at}: ${name} is there twice`, page);
    said.set(name, value);
  }
  return said;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const answer = cause instanceof Error ? cause.message : String(cause);
    throw usageError(`STORE_KEYS: cannot be read: ${answer}`, `name a file, from / or ./ on: ${page}`);
  }
}
