#!/bin/sh
# Starts Trino with the secrets that were generated at first start (properties take them as ${ENV:NAME}).
set -eu
set -a
# NAME=value of the databases beside the lakehouse. First, so that they replace none of ours.
set -f
for secret in ${FEDERATION_SECRETS:-}; do export "${secret?}"; done
set +f
. /run/secrets/trino/env
set +a
# Trino keeps the catalogs that are made while it runs beside those of this release: the first survive a restart, the
# second are always those of this image.
find /data/catalog -type f ! -name 'br_*.properties' ! -name 'at_*.properties' -delete
cp /opt/trino/etc/catalog/*.properties /data/catalog/
for file in /opt/trino/federation/*.properties; do
    [ ! -e "$file" ] || cp "$file" "/data/catalog/ext_${file##*/}"
done
exec /opt/trino/bin/launcher run --etc-dir /opt/trino/etc
