import { setTimeout as sleep } from "node:timers/promises";
import {
  type Actions,
  actionOf,
  alignedRows,
  type Command,
  type Context,
  choiceOption,
  commonOptions,
  onlyWord,
  type Words,
} from "../command.ts";
import { exitCode, usageError } from "../errors.ts";
import {
  addPerson,
  changePassword,
  chosenPassword,
  newPassword,
  type People,
  personName,
  removePerson,
  roles,
} from "../secrets/logins.ts";
import { readPeople, requireVolumes, volumesFolder, writePeople } from "../secrets.ts";

const actions: Actions<void> = { add, remove, passwd, list };

export const user: Command = {
  summary: "people who may log in to Trino: add, remove, passwd, list",
  positionals: "add NAME | remove NAME | passwd NAME | list",
  options: {
    role: { type: "string", value: "ROLE", help: "add: bi or developer (default: bi)" },
    "password-stdin": {
      type: "boolean",
      help: "add, passwd: read the password from standard input (default: make one and print it)",
    },
    json: commonOptions.json,
  },
  async run(all, context) {
    const { action, words } = actionOf("user", actions, all);
    requireVolumes(volumesFolder);
    await action(words, context);
    return exitCode.ok;
  },
};

async function add(words: Words, context: Context): Promise<void> {
  const name = onlyName(words);
  const role = choiceOption(words, "role", roles);
  const password = await passwordFor(words);
  await change((people) => addPerson(people, name, role, password));
  context.report.info("added", `${name} may log in to Trino, with the rights of ${role}`);
  showPassword(password, words, context);
}

async function passwd(words: Words, context: Context): Promise<void> {
  const name = onlyName(words);
  const password = await passwordFor(words);
  await change((people) => changePassword(people, name, password));
  context.report.info("changed", `${name} has a new password; the old one is refused`);
  showPassword(password, words, context);
}

async function remove(words: Words, { report }: Context): Promise<void> {
  const name = onlyName(words);
  await change((people) => removePerson(people, name));
  report.info("removed", `${name} is refused by Trino`);
}

async function list(words: Words, { print }: Context): Promise<void> {
  if (words.positionals.length > 0)
    throw usageError(`reelhouse user list: unexpected word '${words.positionals[0]}'`);
  const people = Object.entries(readPeople(volumesFolder)).map(([name, { role }]) => ({ name, role }));
  if (words.options.json) print(`${JSON.stringify(people)}\n`);
  else if (people.length > 0) print(alignedRows(people.map(({ name, role }) => [name, role])));
}

const onlyName = (words: Words) => personName(onlyWord("user", words));

/**
 * Ends when it holds: Trino reads both files anew when what it has read is older than this (`file.refresh-period` of its
 * authenticator and of its groups), so no login is judged by the old ones any more.
 */
export const refreshMs = 1_000;

async function change(changed: (people: People) => People): Promise<void> {
  writePeople(volumesFolder, changed(readPeople(volumesFolder)));
  await sleep(refreshMs);
}

async function passwordFor({ options }: Words): Promise<string> {
  if (!options["password-stdin"]) return newPassword();
  return chosenPassword(Buffer.concat(await process.stdin.toArray()).toString("utf8"));
}

/** Shown once, and only where Reelhouse made it. */
function showPassword(password: string, { options }: Words, { print }: Context): void {
  if (!options["password-stdin"]) print(`${password}\n`);
}
