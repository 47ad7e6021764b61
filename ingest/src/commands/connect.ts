import { type Client, type ClientName, clients } from "../clients.ts";
import { alignedRows, type Command } from "../command.ts";
import { exitCode, usageError } from "../errors.ts";
import { loadSettings, type Settings } from "../settings.ts";

export const connect: Command = {
  summary: "how a client connects: the connection string or the fields, ready to copy",
  positionals: "[CLIENT]   (default: list the clients)",
  options: { password: { type: "boolean", help: "print the password, too, instead of where it is" } },
  async run({ positionals: [name, ...more], options }, { print, env }) {
    if (more.length > 0) throw usageError(`reelhouse connect: unexpected word '${more[0]}'`);
    if (name === undefined) {
      print(alignedRows(Object.entries(clients).map(([client, { title }]) => [client, title])));
      return exitCode.ok;
    }
    if (!Object.hasOwn(clients, name))
      throw usageError(`reelhouse connect: expected ${Object.keys(clients).join(", ")}, found '${name}'`);
    const settings = loadSettings(env);
    const { bi } = settings.trino.passwords;
    const password = options.password ? bi : "./scripts/reelhouse credentials --password";
    print(describe(clients[name as ClientName], password, settings));
    return exitCode.ok;
  },
};

/** What is to be copied comes last, without a margin. */
function describe(client: Client, password: string, { trinoPort }: Settings): string {
  const rest = "code" in client ? client.code(trinoPort) : alignedRows(client.fields(trinoPort));
  return `${client.title}. ${client.needs}

password   ${password}${"code" in client ? "   (the environment variable TRINO_PASSWORD)" : ""}
authority  ./scripts/reelhouse credentials --ca > reelhouse-ca.crt   (give its full path)

${rest}`;
}
