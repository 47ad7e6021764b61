import { readFileSync } from "node:fs";
import { type Command, choiceOption } from "../command.ts";
import { exitCode } from "../errors.ts";
import { loadSettings, trinoUsers } from "../settings.ts";

export const credentials: Command = {
  summary: "how a client logs in to Trino: address, user, password, certificate authority",
  positionals: "",
  options: {
    user: { type: "string", value: "USER", help: "bi, admin, dbt or ingest (default: bi)" },
    password: { type: "boolean", help: "print the password alone" },
    ca: { type: "boolean", help: "print the certificate of the stack's authority alone (PEM)" },
  },
  async run(words, { print, env }) {
    const settings = loadSettings(env);
    const user = choiceOption({ ...words, options: { user: "bi", ...words.options } }, "user", trinoUsers);
    const authority = readFileSync(settings.trino.authorityFile, "utf8");
    if (words.options.ca) print(authority);
    else if (words.options.password) print(`${settings.trino.passwords[user]}\n`);
    else {
      print(`address    https://localhost:${settings.trinoPort}   (Trino; catalog lakehouse, schemas silver and gold)
user       ${user}
password   ./scripts/reelhouse credentials --user ${user} --password
authority  ./scripts/reelhouse credentials --ca > reelhouse-ca.crt
`);
    }
    return exitCode.ok;
  },
};
