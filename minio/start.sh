#!/bin/sh
# Starts the server with the root credentials that were generated at first start.
set -eu
set -a
. /run/secrets/minio/env
set +a
export MINIO_BROWSER=off MINIO_UPDATE=off
exec minio server /data --address :9000 --quiet
