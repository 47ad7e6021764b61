#!/bin/sh
# Starts Trino with the secrets that were generated at first start (properties take them as ${ENV:NAME}).
set -eu
set -a
. /run/secrets/trino/env
set +a
exec /opt/trino/bin/launcher run --etc-dir /opt/trino/etc
