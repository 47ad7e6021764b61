#!/bin/sh
# Starts Trino with the secrets that were generated at first start (properties take them as ${ENV:NAME}).
set -eu
set -a
. /run/secrets/trino/env
set +a
# Trino keeps the catalogs that are made while it runs beside those of this release: the first survive a restart, the
# second are always those of this image.
find /data/catalog -type f ! -name 'br_*.properties' ! -name 'at_*.properties' -delete
cp /opt/trino/etc/catalog/*.properties /data/catalog/
exec /opt/trino/bin/launcher run --etc-dir /opt/trino/etc
