#!/bin/bash
# Starts the server, with the root credentials that were generated at first start, and the proxy in front of it.
set -eu
. /opt/store/serve.sh
refuse_data_of seaweedfs filerldb2
refuse_files_of_service
. /run/secrets/store/env
export MINIO_ROOT_USER="$STORE_ROOT_USER" MINIO_ROOT_PASSWORD="$STORE_ROOT_PASSWORD"
# Without a limit the server keeps what a burst of requests once needed.
export MINIO_BROWSER=off MINIO_UPDATE=off GOMEMLIMIT="${GOMEMLIMIT:-400MiB}"
serve minio server /data --address 127.0.0.1:9001 --quiet
