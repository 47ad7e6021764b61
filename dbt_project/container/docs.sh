#!/bin/sh
# Serves dbt's pages of the project, one file: what each table and column means, is tested for and comes from. They are
# made as `bi`, who sees what is published, and by each start anew.
set -eu
set -a
. /run/secrets/docs/env
set +a
export DBT_TRINO_PASSWORD="$TRINO_BI_PASSWORD" TRINO_CA_FILE=/run/secrets/docs/ca.crt DBT_CATALOG=lakehouse
dbt docs generate --static --target docs --target-path /tmp/dbt/target
mkdir -p /tmp/dbt/site
mv /tmp/dbt/target/static_index.html /tmp/dbt/site/index.html
exec python3 -m http.server 8580 --directory /tmp/dbt/site
