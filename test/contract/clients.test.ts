/** docs/query.md shows what `reelhouse connect` prints, for the default port. */
import { expect, it } from "vitest";
import { clients } from "../../ingest/src/clients.ts";
import { type DirectClient, directClients } from "../../ingest/src/direct-clients.ts";
import { readText } from "./repository.ts";

const defaultPort = 8443;
const sections = readText("docs/query.md").split(/^##+ /m);
const sectionOf = (title: string) => sections.find((text) => text.startsWith(`${title}\n`)) ?? "";

it.each(Object.values(clients))("should be on the page as it is printed: $title", (client) => {
  const section = sectionOf(client.title);
  expect(section).toContain(client.needs);
  if ("code" in client)
    expect(section).toContain(`\`\`\`${client.language}\n${client.code(defaultPort)}\`\`\``);
  else {
    const rows = client.fields(defaultPort).map(([field, value]) => `| ${field} | \`${value}\` |\n`);
    expect(section).toContain(`| field | value |\n| --- | --- |\n${rows.join("")}`);
  }
});

/** One table instead of all, and no key of a stack. */
const example = {
  port: 9000,
  accessKey: "ACCESS_KEY",
  tables: [
    {
      name: "gold.movies_unified",
      location: "s3://warehouse/gold/movies_unified-0a1b/metadata/00007-2c3d.metadata.json",
    },
  ],
};

it.each<DirectClient>(Object.values(directClients))(
  "should be on the page as it is printed: $title",
  ({ title, needs, language, code }) => {
    expect(sectionOf(title)).toContain(needs);
    expect(sectionOf(title)).toContain(`\`\`\`${language}\n${code(example)}\`\`\``);
  },
);
