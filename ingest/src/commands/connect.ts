import { connectCatalog } from "../catalog.ts";
import { type Client, type ClientName, clients } from "../clients.ts";
import { alignedRows, type Command } from "../command.ts";
import {
  type DirectClient,
  type DirectClientName,
  directClients,
  type PublishedTable,
} from "../direct-clients.ts";
import { exitCode, ReelhouseError, usageError } from "../errors.ts";
import { loadSettings, requireOwnKeys, type Settings } from "../settings.ts";

const all = { ...clients, ...directClients };

export const connect: Command = {
  summary: "how a client connects: the connection string or the fields, ready to copy",
  positionals: "[CLIENT]   (default: list the clients)",
  options: { password: { type: "boolean", help: "print the password, too, instead of where it is" } },
  async run({ positionals: [name, ...more], options }, { print, env }) {
    if (more.length > 0) throw usageError(`reelhouse connect: unexpected word '${more[0]}'`);
    if (name === undefined) {
      print(alignedRows(Object.entries(all).map(([client, { title }]) => [client, title])));
      return exitCode.ok;
    }
    if (!Object.hasOwn(all, name))
      throw usageError(`reelhouse connect: expected ${Object.keys(all).join(", ")}, found '${name}'`);
    const settings = loadSettings(env);
    const showsPassword = options.password === true;
    print(
      Object.hasOwn(directClients, name)
        ? await describeDirect(directClients[name as DirectClientName], showsPassword, settings)
        : describe(clients[name as ClientName], showsPassword, settings),
    );
    return exitCode.ok;
  },
};

/** What is to be copied comes last, without a margin. */
function describe(client: Client, showsPassword: boolean, { trino, trinoPort }: Settings): string {
  const password = showsPassword ? trino.passwords.bi : "./scripts/reelhouse credentials --password";
  const rest = "code" in client ? client.code(trinoPort) : alignedRows(client.fields(trinoPort));
  return `${client.title}. ${client.needs}

password   ${password}${"code" in client ? "   (the environment variable TRINO_PASSWORD)" : ""}
${authority}
${rest}`;
}

async function describeDirect(
  client: DirectClient,
  showsPassword: boolean,
  settings: Settings,
): Promise<string> {
  requireOwnKeys(settings);
  const { accessKey, secretKey } = settings.store.direct;
  const password = showsPassword ? secretKey : "./scripts/reelhouse credentials --user direct --password";
  const tables = await publishedTables(settings);
  return `${client.title}. ${client.needs} Only where ./scripts/up --direct was called.

password   ${password}   (the environment variable DIRECT_SECRET_KEY)
${authority}
${client.code({ port: settings.directPort, accessKey, tables })}`;
}

const authority =
  "authority  ./scripts/reelhouse credentials --ca > reelhouse-ca.crt   (give its full path)\n";

/** All of one publication: it moves all pointers in one transaction. */
async function publishedTables(settings: Settings): Promise<PublishedTable[]> {
  const catalog = await connectCatalog(settings, "ledger");
  try {
    const { rows } = await catalog.query(
      `select table_namespace || '.' || table_name as name, metadata_location as location
       from iceberg.iceberg_tables
       where catalog_name = 'lakehouse' and table_namespace in ('gold', 'silver') order by name`,
    );
    if (rows.length > 0) return rows;
    throw new ReelhouseError("read the published tables: nothing is published", exitCode.failed, {
      next: "./scripts/reelhouse run",
    });
  } finally {
    await catalog.end();
  }
}
