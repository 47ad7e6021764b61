#!/bin/bash
# Starts the server, with the root credentials that were generated at first start, and the proxy in front of it.
set -eu
set -a
. /run/secrets/minio/env
set +a
# Without a limit the server keeps what a burst of requests once needed.
export MINIO_BROWSER=off MINIO_UPDATE=off GOMEMLIMIT="${GOMEMLIMIT:-400MiB}"
minio server /data --address 127.0.0.1:9001 --quiet &
store=$!
env --ignore-environment /usr/sbin/haproxy -db -f /opt/minio/haproxy.cfg &
front=$!
# Both or none: what is left of one is not the store.
trap 'kill "$store" "$front"' TERM INT
wait -n || true
kill "$store" "$front" 2>/dev/null || true
wait
