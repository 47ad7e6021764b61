# shellcheck shell=sh
# The database and its migrations, for start.sh and restore.sh. Sourced, never run.

query() { psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 "$@"; }
refuse() {
    echo "catalog: $1" >&2
    exit 1
}

# What of it is there stays as it is.
ensure_database() {
    if [ -z "$(query --dbname postgres --command "select 1 from pg_database where datname = 'lakehouse'")" ]; then
        query --dbname postgres --command "create database lakehouse"
    fi
    query --dbname lakehouse --command "
        create table if not exists public.migration (
            name text primary key,
            sha256 text not null,
            applied_at timestamptz not null default now()
        )" 2>/dev/null
}

# Superset's own, beside it: of a role that has rights on nothing else. It is empty where nobody starts Superset.
ensure_superset() {
    if [ -z "$(query --dbname postgres --command "select 1 from pg_roles where rolname = 'superset'")" ]; then
        query --dbname postgres --command "create role superset login"
    fi
    if [ -z "$(query --dbname postgres --command "select 1 from pg_database where datname = 'superset'")" ]; then
        query --dbname postgres --command "create database superset owner superset"
    fi
    query --dbname postgres --command "revoke all on database superset from public"
}

# A database that a newer release wrote has what this one does not understand.
refuse_newer() {
    for name in $(query --dbname lakehouse --command "select name from public.migration order by name"); do
        [ -f "/opt/catalog/migrations/$name" ] ||
            refuse "the data was written by a newer release (this one does not know migration $name): start that release"
    done
}

# A migration, and the note that it was applied: whoever runs one runs both, in one transaction.
migration_sql() {
    # A role belongs to the server, not to the database: where a restore begins anew, it is there already.
    roles="$(query --dbname postgres --command "select string_agg(rolname, '|') from pg_roles")"
    sed -E "/^create role ($roles) /d" "$1"
    echo "insert into public.migration (name, sha256) values ('$(basename "$1")', '$(sum_of "$1")');"
}

sum_of() { sha256sum "$1" | cut -d ' ' -f 1; }

# Applies the migrations that are missing, in order.
migrate() {
    for file in /opt/catalog/migrations/*.sql; do
        name="$(basename "$file")"
        applied="$(query --dbname lakehouse --command "select sha256 from public.migration where name = '$name'")"
        if [ -z "$applied" ]; then
            echo "catalog: applying $name" >&2
            # Whole, before any of it is run: what a pipe brings may be cut off.
            sql="$(migration_sql "$file")"
            printf '%s\n' "$sql" | query --dbname lakehouse --single-transaction --file -
        elif [ "$applied" != "$(sum_of "$file")" ]; then
            refuse "migration $name changed after it was applied: restore the file"
        fi
    done
}
