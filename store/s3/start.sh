#!/bin/bash
# There is nothing to start. What a store that ran here left would be missed by who reads the service.
set -eu
. /opt/store/serve.sh
refuse_data_of minio .minio.sys
refuse_data_of seaweedfs filerldb2
# For who sets STORE back to a store that runs here.
echo "$STORE_ENDPOINT" >/data/service
exec sleep infinity
