/**
 * How engines of people's own read the tables' files without Trino: what `reelhouse connect` prints, and what
 * docs/query.md shows of it. The secret key is no part of it: the code takes it from DIRECT_SECRET_KEY.
 */

/** What is published, and where it is read. */
export interface PublishedFiles {
  port: number;
  accessKey: string;
  tables: PublishedTable[];
}

export interface PublishedTable {
  /** With its schema, as in SQL. */
  name: string;
  /** Of the Iceberg metadata file that is published: `s3://warehouse/...`. */
  location: string;
}

export interface DirectClient {
  title: string;
  /** What has to be there first, a sentence. */
  needs: string;
  language: "sql" | "python";
  code: (files: PublishedFiles) => string;
}

const authority = "reelhouse-ca.crt";
const example = "SELECT movie_title, profit_usd FROM gold.movies_unified;";

export const directClients = {
  duckdb: {
    title: "DuckDB",
    needs: "The program `duckdb`, version 1.5 or newer, started where `reelhouse-ca.crt` is.",
    language: "sql",
    code: ({ port, accessKey, tables }) => `INSTALL httpfs;
INSTALL iceberg;
LOAD httpfs;
LOAD iceberg;
SET ca_cert_file = '${authority}';
SET enable_server_cert_verification = true;
CREATE SECRET reelhouse (
    TYPE s3,
    KEY_ID '${accessKey}',
    SECRET getenv('DIRECT_SECRET_KEY'),
    ENDPOINT 'localhost:${port}',
    REGION 'us-east-1',
    URL_STYLE 'path',
    USE_SSL true
);
${schemasOf(tables)
  .map((schema) => `CREATE SCHEMA ${schema};\n`)
  .join("")}${tables
  .map(({ name, location }) => `CREATE VIEW ${name} AS SELECT * FROM iceberg_scan('${location}');\n`)
  .join("")}${example}
`,
  },
  pyiceberg: {
    title: "PyIceberg",
    needs: "`pip install 'pyiceberg[pyarrow]'`",
    language: "python",
    code: ({ port, accessKey, tables }) => `import os

from pyiceberg.table import StaticTable

os.environ["SSL_CERT_FILE"] = "${authority}"
properties = {
    "s3.endpoint": "https://localhost:${port}",
    "s3.region": "us-east-1",
    "s3.access-key-id": "${accessKey}",
    "s3.secret-access-key": os.environ["DIRECT_SECRET_KEY"],
}
locations = {
${tables.map(({ name, location }) => `    "${name}": "${location}",\n`).join("")}}
tables = {name: StaticTable.from_metadata(location, properties) for name, location in locations.items()}
movies = tables["gold.movies_unified"].scan(selected_fields=("movie_title", "profit_usd"))
for row in movies.to_arrow().to_pylist():
    print(row)
`,
  },
} satisfies Record<string, DirectClient>;

export type DirectClientName = keyof typeof directClients;

const schemasOf = (tables: PublishedTable[]) => [
  ...new Set(tables.map(({ name }) => name.split(".", 1).join())),
];
