# shellcheck shell=bash
# Sourced by start.sh of a store. `serve PROGRAM WORDS...` runs it, on 127.0.0.1:9001, and the proxy in front of it.
serve() {
    local code=0
    "$@" &
    local store=$!
    env --ignore-environment /usr/sbin/haproxy -db -f /opt/store/haproxy.cfg &
    local front=$!
    # Both or none: what is left of one is not the store.
    trap 'kill "$store" "$front"' TERM INT
    wait -n || code=$?
    kill "$store" "$front" 2>/dev/null || true
    wait
    return "$code"
}

# Files of a service stay there: a server that starts here on an empty volume would show none of them.
refuse_files_of_service() {
    [ ! -e /data/service ] || {
        echo "store: the files of this lakehouse are on the service $(cat /data/service): set STORE=s3 in .env again. To move, take a backup with that setting, remove the volumes and restore it (docs/object-store.md)" >&2
        exit 1
    }
}

# Neither server can read what the other one wrote, and both would start on an empty store beside it.
refuse_data_of() {
    local name="$1" trace="$2"
    [ ! -e "/data/$trace" ] || {
        echo "store: the volume 'store' holds what $name wrote: set STORE=$name in .env again. To move, take a backup, remove the volumes and restore it (docs/object-store.md)" >&2
        exit 1
    }
}
