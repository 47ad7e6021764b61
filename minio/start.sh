#!/bin/sh
# Starts the server with the root credentials that were generated at first start.
set -eu
set -a
. /run/secrets/minio/env
set +a
# Without a limit the server keeps what a burst of requests once needed.
export MINIO_BROWSER=off MINIO_UPDATE=off GOMEMLIMIT="${GOMEMLIMIT:-400MiB}"
exec minio server /data --address :9000 --quiet
