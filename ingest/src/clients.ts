/**
 * How each client of Trino connects: what `reelhouse connect` prints, and what docs/query.md shows (a contract test keeps
 * the two equal). No password is part of it: programs take theirs from TRINO_PASSWORD, people type it.
 */

/** A client is connected by code that runs, or by the fields of its form. */
export type Client = {
  title: string;
  /** What has to be there first, a sentence. */
  needs: string;
} & (
  | { language: "sh" | "python" | "js"; code: (port: number) => string }
  | { fields: (port: number) => [field: string, value: string][] }
);

const authority = "reelhouse-ca.crt";
const jdbcUrl = (port: number) =>
  `jdbc:trino://localhost:${port}/lakehouse/gold?SSL=true&SSLTrustStorePath=${authority}`;
const jdbcDriver = "The driver `io.trino:trino-jdbc`, version 476 or newer.";

export const clients = {
  "trino-cli": {
    title: "Trino CLI",
    needs: "The program `io.trino:trino-cli` and Java.",
    language: "sh",
    code: (port) => `trino --server https://localhost:${port} --user bi --password \\
    --truststore-path ${authority} --catalog lakehouse --schema gold
`,
  },
  jdbc: {
    title: "JDBC",
    needs: jdbcDriver,
    fields: (port) => [
      ["URL", jdbcUrl(port)],
      ["Driver class", "io.trino.jdbc.TrinoDriver"],
      ["User", "bi"],
    ],
  },
  dbeaver: {
    title: "DBeaver",
    needs: "A connection of the kind Trino; DBeaver gets the driver itself.",
    fields: (port) => [
      ["Host", "localhost"],
      ["Port", `${port}`],
      ["Database/Schema", "lakehouse"],
      ["Username", "bi"],
      ["Driver properties: SSL", "true"],
      ["Driver properties: SSLTrustStorePath", authority],
    ],
  },
  python: {
    title: "Python",
    needs: "`pip install trino`",
    language: "python",
    code: (port) => `import os

import trino

connection = trino.dbapi.connect(
    host="localhost",
    port=${port},
    http_scheme="https",
    auth=trino.auth.BasicAuthentication("bi", os.environ["TRINO_PASSWORD"]),
    verify="${authority}",
    catalog="lakehouse",
    schema="gold",
)
cursor = connection.cursor()
cursor.execute("SELECT movie_title, profit_usd FROM movies_unified")
for row in cursor.fetchall():
    print(row)
`,
  },
  sqlalchemy: {
    title: "SQLAlchemy",
    needs: "`pip install 'trino[sqlalchemy]'`",
    language: "python",
    code: (port) => `import os

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL

url = URL.create("trino", "bi", os.environ["TRINO_PASSWORD"], "localhost", ${port}, "lakehouse/gold")
engine = create_engine(url, connect_args={"http_scheme": "https", "verify": "${authority}"})
with engine.connect() as connection:
    for row in connection.execute(text("SELECT movie_title, profit_usd FROM movies_unified")):
        print(row)
`,
  },
  node: {
    title: "Node",
    needs: "`npm install trino-client`",
    language: "js",
    code: (port) => `import { readFileSync } from "node:fs";
import { BasicAuth, Trino } from "trino-client";

const trino = Trino.create({
  server: "https://localhost:${port}",
  catalog: "lakehouse",
  schema: "gold",
  auth: new BasicAuth("bi", process.env.TRINO_PASSWORD),
  ssl: { ca: readFileSync("${authority}") },
});
for await (const result of await trino.query("SELECT movie_title, profit_usd FROM movies_unified")) {
  if (result.error) throw new Error(result.error.message);
  for (const row of result.data ?? []) console.log(row);
}
`,
  },
  superset: {
    title: "Superset",
    needs: "A Superset of your own, with `trino[sqlalchemy]` installed.",
    fields: (port) => [
      ["SQLAlchemy URI", `trino://bi:PASSWORD@localhost:${port}/lakehouse`],
      ["Engine parameters", `{"connect_args": {"http_scheme": "https", "verify": "${authority}"}}`],
    ],
  },
  metabase: {
    title: "Metabase",
    needs: "A database of the kind Starburst, which is Metabase's name for Trino.",
    fields: (port) => [
      ["Host", "localhost"],
      ["Port", `${port}`],
      ["Catalog", "lakehouse"],
      ["Schema", "gold"],
      ["Username", "bi"],
      ["Use a secure connection (SSL)", "on"],
      ["Additional JDBC options", `SSLTrustStorePath=${authority}`],
    ],
  },
  tableau: {
    title: "Tableau",
    needs: `${jdbcDriver} It belongs into Tableau's folder of drivers; connect to Other Databases (JDBC).`,
    fields: (port) => [
      ["URL", jdbcUrl(port)],
      ["Dialect", "SQL92"],
      ["Username", "bi"],
    ],
  },
  "power-bi": {
    title: "Power BI",
    needs: "The Starburst ODBC driver, version 3; get data from Starburst, whose connector speaks to Trino.",
    fields: (port) => [
      ["Host", "localhost"],
      ["Port", `${port}`],
      ["Catalog", "lakehouse"],
      ["Connection string", `SSL=true;SSLTrustStore=${authority}`],
      ["User name", "bi"],
    ],
  },
} satisfies Record<string, Client>;

export type ClientName = keyof typeof clients;
