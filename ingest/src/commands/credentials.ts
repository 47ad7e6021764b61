import { readFileSync } from "node:fs";
import { stackBuckets } from "../buckets.ts";
import { type Command, choiceOption } from "../command.ts";
import { exitCode } from "../errors.ts";
import { loadSettings, requireOwnKeys, type Settings, trinoUsers } from "../settings.ts";

const users = ["bi", ...trinoUsers.filter((user) => user !== "bi"), "landing", "direct", "superset"] as const;

export const credentials: Command = {
  summary: "how a client logs in: address, user, password, certificate authority",
  positionals: "",
  options: {
    user: {
      type: "string",
      value: "USER",
      help: "of Trino: bi, admin, dbt, developer or ingest; of the object store: landing, direct; of the dashboards: superset (default: bi)",
    },
    password: { type: "boolean", help: "print the password alone" },
    ca: { type: "boolean", help: "print the certificate of the stack's authority alone (PEM)" },
  },
  async run(words, { print, env }) {
    const settings = loadSettings(env);
    const user = choiceOption(words, "user", users);
    if (user === "landing" || user === "direct") requireOwnKeys(settings);
    const authority = readFileSync(settings.trino.authorityFile, "utf8");
    if (words.options.ca) print(authority);
    else if (words.options.password) print(`${passwordOf(user, settings)}\n`);
    else print(describe(user, settings));
    return exitCode.ok;
  },
};

type User = (typeof users)[number];

function passwordOf(user: User, { store, superset, trino }: Settings): string {
  if (user === "landing" || user === "direct") return store[user].secretKey;
  return user === "superset" ? superset.adminPassword : trino.passwords[user];
}

function describe(user: User, settings: Settings): string {
  if (user === "landing") return describeStore(settings);
  if (user === "direct") return describeDirect(settings);
  return user === "superset" ? describeSuperset(settings) : describeTrino(user, settings);
}

const describeTrino = (user: string, { trinoPort }: Settings) =>
  `address    https://localhost:${trinoPort}   (Trino; catalog lakehouse, schemas silver and gold)
user       ${user}
password   ./scripts/reelhouse credentials --user ${user} --password
authority  ./scripts/reelhouse credentials --ca > reelhouse-ca.crt
`;

const describeStore = ({ store }: Settings) =>
  `address    ${store.endpoint}   (S3; bucket ${stackBuckets.landing}; only in the stack's own network)
user       ${store.landing.accessKey}   (the access key)
password   ./scripts/reelhouse credentials --user landing --password   (the secret key)
`;

const describeDirect = ({ store, directPort }: Settings) =>
  `address    https://localhost:${directPort}   (S3; the files of gold and silver, read-only; started with ./scripts/up --direct)
user       ${store.direct.accessKey}   (the access key)
password   ./scripts/reelhouse credentials --user direct --password   (the secret key)
authority  ./scripts/reelhouse credentials --ca > reelhouse-ca.crt
`;

const describeSuperset = ({ superset }: Settings) =>
  `address    http://localhost:${superset.port}   (Superset; started with ./scripts/up --bi)
user       admin
password   ./scripts/reelhouse credentials --user superset --password
`;
