/** The files that Trino knows people by. */
import { pbkdf2Sync } from "node:crypto";
import { expect, it } from "vitest";
import {
  addPerson,
  changePassword,
  chosenPassword,
  groupFile,
  type People,
  passwordFile,
  personName,
  removePerson,
} from "../../ingest/src/secrets/logins.ts";

const nobody: People = {};
const ana = addPerson(nobody, "ana", "bi", "correct horse battery");

/** Whether the line of `user` is the hash of `password`, computed as Trino does. */
function isLogin(file: string, user: string, password: string): boolean {
  const line = file.split("\n").find((text) => text.startsWith(`${user}:`)) ?? "";
  const [, iterations, salt = "", hash = ""] = line.split(":");
  const bytes = Buffer.from(hash, "hex");
  const computed = pbkdf2Sync(password, Buffer.from(salt, "hex"), Number(iterations), bytes.length, "sha1");
  return computed.equals(bytes);
}

it("should keep hashes, from which a password can be told and not read", () => {
  const file = passwordFile(ana, { TRINO_BI_PASSWORD: "secret" });
  expect(isLogin(file, "ana", "correct horse battery")).toBe(true);
  expect(isLogin(file, "ana", "secret")).toBe(false);
  expect(isLogin(file, "bi", "secret")).toBe(true);
  expect(JSON.stringify(ana)).not.toContain("correct");
});

it("should be the same file at each start, so that Trino does not read it for nothing", () => {
  expect(passwordFile(ana, { TRINO_BI_PASSWORD: "secret" })).toBe(
    passwordFile(ana, { TRINO_BI_PASSWORD: "secret" }),
  );
});

it("should put people into the group of their role, beside the built-in user", () => {
  const both = addPerson(ana, "zoe", "developer", "another long one");
  expect(groupFile(both)).toBe("bi:bi,ana\ndeveloper:developer,zoe\n");
  expect(groupFile(removePerson(both, "ana"))).toBe("bi:bi\ndeveloper:developer,zoe\n");
});

it("should keep the role when the password changes", () => {
  const zoe = addPerson(nobody, "zoe", "developer", "another long one");
  const changed = changePassword(zoe, "zoe", "yet another one");
  expect(changed.zoe?.role).toBe("developer");
  expect(changed.zoe?.hash).not.toBe(zoe.zoe?.hash);
});

it.each(["constructor", "tostring"])("should take %s for a name like any other", (name) => {
  expect(() => removePerson(ana, name)).toThrow("there is none");
  expect(addPerson(ana, name, "bi", "correct horse battery")).toHaveProperty(name);
});

it.each(["", "Ana", "1ana", "ana:x", "ana,ben", "ana\nben", "ána", "a".repeat(64), "admin", "health", "bi"])(
  "should refuse the name '%s'",
  (name) => expect(() => personName(name)).toThrow(/reelhouse user: /),
);

it.each(["short", "x".repeat(129), "twelve länger", "two\nlines of it"])(
  "should refuse the password '%s'",
  (text) => expect(() => chosenPassword(text)).toThrow("12 to 128"),
);

it("should take a password without the end of its line", () => {
  expect(chosenPassword("correct horse battery\r\n")).toBe("correct horse battery");
});
