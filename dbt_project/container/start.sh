#!/bin/sh
set -eu
set -a
. /run/secrets/dbt/env
set +a
export DBT_TRINO_PASSWORD="$TRINO_DBT_PASSWORD" TRINO_CA_FILE=/run/secrets/dbt/ca.crt DBT_CATALOG=audit
exec python3 /opt/dbt/worker.py
