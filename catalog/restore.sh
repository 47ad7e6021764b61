#!/bin/sh
# Restores the database of a backup into an empty lakehouse: `reelhouse restore` sends rows, and the name of the last
# migration that they know. That schema is made from this release's own migrations; the newer ones follow the rows. All
# of it is one transaction: killed at any step, it leaves the empty lakehouse, and can be run again.
set -eu
. /opt/catalog/lib.sh
rows=/data/restore.sql
script=/data/restore-all.sql
exec 9>/data/restore.lock
if ! flock --nonblock 9; then
    cat >/dev/null
    # A client that is killed does not end what it began here.
    refuse "another restore is at work: nothing was changed, run restore again when it is done"
fi
trap 'rm -f "$rows" "$script"' EXIT
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
{
    echo "set client_min_messages = warning;"
    echo "drop schema $schemas cascade;"
    echo "delete from public.migration;"
    for file in /opt/catalog/migrations/*.sql; do
        migration_sql "$file"
        [ "$(basename "$file")" = "$last" ] || continue
        # What the migrations themselves wrote is in the backup, too.
        echo "select 'truncate ' || string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_tables"
        echo "where schemaname not in ('public', 'pg_catalog', 'information_schema') \gexec"
        # As a replica: rows come as they were, without triggers.
        echo "set session_replication_role = replica;"
        echo "\i $rows"
        # And what the rows' own first lines set.
        echo "reset all;"
    done
} >"$script"
query --dbname lakehouse --single-transaction --output /dev/null --file "$script"
echo "catalog: restored" >&2
