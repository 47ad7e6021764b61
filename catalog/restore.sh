#!/bin/sh
# Restores the database of a backup into an empty lakehouse: `reelhouse restore` sends rows, and the name of the last
# migration that they know. That schema is made from this release's own migrations; the newer ones follow the rows.
set -eu
. /opt/catalog/lib.sh
rows=/data/restore.sql
trap 'rm -f "$rows"' EXIT
cat >"$rows"
# The command has said why it sends nothing.
[ -s "$rows" ] || exit 0
[ "$(tail -n 1 "$rows")" = "-- end of the backup" ] || refuse "the rows of the backup are cut off: nothing was changed, run restore again"
last="$(sed -n '1s/^-- migration //p' "$rows")"
[ -f "/opt/catalog/migrations/$last" ] || refuse "the backup was written by a newer release (migration $last): use that release"
[ "$(query --dbname lakehouse --command "select branch.is_empty()")" = t ] || refuse "the lakehouse is not empty: nothing was changed"

# Not the database: Trino keeps connections to it, and the first statement on each of them would fail.
schemas="$(query --dbname lakehouse --command "
    select string_agg(quote_ident(nspname), ', ') from pg_namespace
    where nspname not in ('public', 'information_schema') and not starts_with(nspname, 'pg_')")"
query --dbname lakehouse --single-transaction \
    --command "set client_min_messages = warning" --command "drop schema $schemas cascade" \
    --command "delete from public.migration"
migrate "$last"
# What the migrations themselves wrote is in the backup, too.
tables="$(query --dbname lakehouse --command "
    select string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_tables
    where schemaname not in ('public', 'pg_catalog', 'information_schema')")"
# As a replica: rows come as they were, without triggers.
query --dbname lakehouse --single-transaction --output /dev/null \
    --command "set session_replication_role = replica" --command "truncate $tables" --file "$rows"
migrate
echo "catalog: restored" >&2
