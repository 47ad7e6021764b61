#!/bin/sh
# Creates the cluster once, applies new migrations in order while nobody can connect, then serves.
set -eu
. /run/secrets/catalog/env

# Made beside its place and moved there whole: a start that is killed half way leaves nothing that looks finished.
if [ ! -d "$PGDATA" ]; then
    draft=/data/draft
    rm -rf "$draft"
    initdb --pgdata="$draft" --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
        --username=postgres >/dev/null
    # The services of the stack share a private network; everyone there still needs a role and its password.
    echo "host lakehouse all samenet scram-sha-256" >>"$draft/pg_hba.conf"
    mv "$draft" "$PGDATA"
fi

query() { psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 "$@"; }

# No TCP port while the schema changes.
pg_ctl --wait --timeout=900 --silent --options="-c listen_addresses=''" start >/dev/null
if [ -z "$(query --dbname postgres --command "select 1 from pg_database where datname = 'lakehouse'")" ]; then
    query --dbname postgres --command "create database lakehouse"
fi
query --dbname lakehouse --command "
    create table if not exists public.migration (
        name text primary key,
        sha256 text not null,
        applied_at timestamptz not null default now()
    )" 2>/dev/null
known="$(query --dbname lakehouse --command "select count(*) from public.migration")"
shipped="$(find /opt/catalog/migrations -name '*.sql' | wc -l)"
if [ "$known" -gt "$shipped" ]; then
    echo "catalog: the data was written by a newer release ($known migrations, this one has $shipped): start that release" >&2
    exit 1
fi
for file in /opt/catalog/migrations/*.sql; do
    name="$(basename "$file")"
    sum="$(sha256sum "$file" | cut -d ' ' -f 1)"
    applied="$(query --dbname lakehouse --command "select sha256 from public.migration where name = '$name'")"
    if [ -n "$applied" ]; then
        [ "$applied" = "$sum" ] || { echo "catalog: migration $name changed after it was applied: restore the file" >&2; exit 1; }
        continue
    fi
    echo "catalog: applying $name"
    query --dbname lakehouse --single-transaction --file "$file" \
        --command "insert into public.migration (name, sha256) values ('$name', '$sum')"
done
# Passwords come from the secrets at every start, so that a new secret needs nothing but a restart. Standard input
# keeps them off the command line, and a statement that fails off the log.
{
    echo "set log_min_error_statement = panic;"
    for role in trino_reader trino_ingest trino_audit trino_branch trino_maintenance publisher ledger; do
        variable="PG_$(echo "$role" | tr '[:lower:]' '[:upper:]')_PASSWORD"
        password=""
        eval "password=\$$variable"
        echo "alter role $role password '$password';"
    done
} | query --dbname lakehouse
pg_ctl --wait --silent --mode=fast stop

exec postgres -c listen_addresses='*' -c unix_socket_directories=/run/postgresql \
    -c shared_buffers=64MB -c max_connections=100 -c log_statement=none \
    -c client_connection_check_interval=2s -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3
