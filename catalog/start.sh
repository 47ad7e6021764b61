#!/bin/sh
# Creates the cluster once, applies new migrations in order while nobody can connect, then serves.
set -eu
. /run/secrets/catalog/env
. /opt/catalog/lib.sh

# Made beside its place and moved there whole: a start that is killed half way leaves nothing that looks finished.
if [ ! -d "$PGDATA" ]; then
    draft=/data/draft
    rm -rf "$draft"
    initdb --pgdata="$draft" --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
        --username=postgres >/dev/null
    mv "$draft" "$PGDATA"
fi

# Written at every start, for a newer release may let others in. The services of the stack share a private network;
# everyone there still needs a role and its password. Superset has a database of its own, and nothing in ours.
cat >"$PGDATA/pg_hba.conf" <<TEXT
local all       all      peer
host  lakehouse superset all     reject
host  lakehouse all      samenet scram-sha-256
host  superset  superset samenet scram-sha-256
TEXT

# No TCP port while the schema changes.
pg_ctl --wait --timeout=900 --silent --options="-c listen_addresses=''" start >/dev/null
ensure_database
ensure_superset
refuse_newer
migrate
# Passwords come from the secrets at every start, so that a new secret needs nothing but a restart. Standard input
# keeps them off the command line, and a statement that fails off the log.
roles="$(query --dbname postgres --command "select rolname from pg_roles where rolcanlogin and not rolsuper")"
{
    echo "set log_min_error_statement = panic;"
    for role in $roles; do
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
