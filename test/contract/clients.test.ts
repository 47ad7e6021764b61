/** docs/query.md shows what `reelhouse connect` prints, for the default port. */
import { expect, it } from "vitest";
import { clients } from "../../ingest/src/clients.ts";
import { readText } from "./repository.ts";

const defaultPort = 8443;
const sections = readText("docs/query.md").split(/^##+ /m);

it.each(Object.values(clients))("should be on the page as it is printed: $title", (client) => {
  const section = sections.find((text) => text.startsWith(`${client.title}\n`)) ?? "";
  expect(section).toContain(client.needs);
  if ("code" in client)
    expect(section).toContain(`\`\`\`${client.language}\n${client.code(defaultPort)}\`\`\``);
  else {
    const rows = client.fields(defaultPort).map(([field, value]) => `| ${field} | \`${value}\` |\n`);
    expect(section).toContain(`| field | value |\n| --- | --- |\n${rows.join("")}`);
  }
});
