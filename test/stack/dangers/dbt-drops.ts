/** dbt's own ways to get rid of a table, each a file of a project that has nothing else. */
import type { Stack } from "../stack.ts";

const files: Record<string, string> = {
  "dbt_project.yml": "name: drops\nversion: 1.0.0\nprofile: reelhouse\n",
  "macros/schema.sql": "{% macro generate_schema_name(schema, node) %}gold{% endmacro %}",
  "seeds/seeded.csv": "v\n1",
  "models/renamed.sql": "{{ config(materialized='table', on_table_exists='rename') }} select 1 as v",
  "models/dropped.sql": "{{ config(materialized='table', on_table_exists='drop') }} select 1 as v",
  "models/flipped.sql": "{{ config(materialized='view') }} select 1 as v",
  "models/refreshed.sql": "{{ config(materialized='incremental') }} select 1 as v",
};

/** What it makes anew where another table is. */
export const dbtTables = ["dropped", "flipped", "refreshed", "renamed", "seeded"].map(
  (name) => `gold.${name}`,
);

/** `dbt build --full-refresh`: how each table ended, by name. */
export async function dbtBuild(stack: Stack): Promise<Record<string, string>> {
  const write = Object.entries(files).map(
    ([name, text]) => `mkdir -p "$(dirname ${name})" && cat >${name} <<'TEXT'\n${text}\nTEXT`,
  );
  const script = `
    set -a && . /run/secrets/dbt/env && set +a
    export DBT_TRINO_PASSWORD="$TRINO_DBT_PASSWORD" TRINO_CA_FILE=/run/secrets/dbt/ca.crt DBT_CATALOG=audit
    export DBT_PROJECT_DIR=/tmp/drops DBT_TARGET_PATH=/tmp/drops/target
    mkdir -p /tmp/drops && cd /tmp/drops
    ${write.join("\n")}
    dbt build --full-refresh >&2 || true
    cat target/run_results.json`;
  const { stdout, stderr } = await stack.compose(["exec", "-T", "dbt", "sh"], { input: script });
  if (!stdout.startsWith("{")) throw new Error(stderr);
  const { results } = JSON.parse(stdout) as { results: { unique_id: string; message: string }[] };
  return Object.fromEntries(
    results.map(({ unique_id, message }) => [`gold.${unique_id.split(".").at(-1)}`, message]),
  );
}
