/**
 * Who may log in to Trino: the users of this release, whose passwords are secrets, and people whom `reelhouse user`
 * added, of whose passwords only hashes are kept.
 */
import { createHash, pbkdf2Sync, randomBytes } from "node:crypto";
import { exitCode, ReelhouseError, usageError } from "../errors.ts";

/** What people may be: Trino's rules know them as groups (trino/etc/access-rules.json). */
export const roles = ["bi", "developer"] as const;
export type Role = (typeof roles)[number];

/** The users of this release; each role's first member is the one of its name. */
export const builtInUsers = ["admin", "ingest", "dbt", ...roles, "maintenance", "health"] as const;
export const trinoPassword = (user: string) => `TRINO_${user.toUpperCase()}_PASSWORD`;

export interface Person {
  role: Role;
  /** As it stands in Trino's password file. */
  hash: string;
}
export type People = Readonly<Record<string, Person>>;

/** Throws exit 2 for a name that Trino's files or rules could take for something else. */
export function personName(name: string | undefined): string {
  if (name === undefined || !/^[a-z][a-z0-9._-]{0,62}$/.test(name))
    throw usageError(
      `reelhouse user: expected a name of small letters, digits, '_', '-' and '.', found '${name ?? ""}'`,
    );
  if (builtInUsers.some((user) => user === name))
    throw usageError(
      `reelhouse user: ${name} is a user of Reelhouse itself`,
      "its password is renewed by ./scripts/reelhouse rotate; choose another name for a person",
    );
  return name;
}

export function addPerson(people: People, name: string, role: Role, password: string): People {
  if (Object.hasOwn(people, name))
    throw new ReelhouseError(`add user ${name}: there is one of this name`, exitCode.failed, {
      next: `for a new password: ./scripts/reelhouse user passwd ${name}`,
    });
  return { ...people, [name]: { role, hash: personsHash(password) } };
}

export function changePassword(people: People, name: string, password: string): People {
  return { ...people, [name]: { ...person(people, name), hash: personsHash(password) } };
}

export function removePerson(people: People, name: string): People {
  person(people, name);
  return Object.fromEntries(Object.entries(people).filter(([other]) => other !== name));
}

function person(people: People, name: string): Person {
  const found = Object.hasOwn(people, name) ? people[name] : undefined;
  if (found) return found;
  throw new ReelhouseError(`user ${name}: there is none`, exitCode.failed, {
    next: "./scripts/reelhouse user list",
  });
}

export const newPassword = () => randomBytes(18).toString("base64url");

/** Throws exit 2 for a password that is easily guessed, or that a client may send in another encoding than Trino reads. */
export function chosenPassword(text: string): string {
  const password = text.replace(/\r?\n$/, "");
  if (/^[\x20-\x7e]{12,128}$/.test(password)) return password;
  throw usageError(
    "reelhouse user: --password-stdin: expected one line of 12 to 128 letters, digits and signs of ASCII",
  );
}

/** Trino's password file: `user:hash` per line. */
export function passwordFile(people: People, secrets: Record<string, string>): string {
  const builtIn = builtInUsers.map((user) => [user, secretsHash(user, secrets[trinoPassword(user)] ?? "")]);
  const added = Object.entries(people).map(([name, { hash }]) => [name, hash]);
  return [...builtIn, ...added].map(([name, hash]) => `${name}:${hash}\n`).join("");
}

/** Trino's group file: `group:user,user` per line. */
export function groupFile(people: People): string {
  return roles
    .map((role) => {
      const added = Object.keys(people).filter((name) => people[name]?.role === role);
      return `${role}:${[role, ...added].join(",")}\n`;
    })
    .join("");
}

/** What a person chose is guessed as fast as this is computed. Trino computes it once a second while the person works. */
const personsHash = (password: string) => hashOf(password, randomBytes(16), 50_000);

/** Nobody guesses 32 random bytes. The salt is derived, so the file is the same at each start. */
function secretsHash(user: string, password: string): string {
  const salt = createHash("sha256").update(`salt ${user} ${password}`).digest().subarray(0, 16);
  return hashOf(password, salt, 10_000);
}

/** PBKDF2 in Trino's form, `iterations:salt:hash`. As long as SHA-1: more takes Trino more time, and an attacker none. */
function hashOf(password: string, salt: Buffer, iterations: number): string {
  const hash = pbkdf2Sync(password, salt, iterations, 20, "sha1");
  return `${iterations}:${salt.toString("hex")}:${hash.toString("hex")}`;
}
