#!/bin/sh
# Starts Superset with the secrets that were generated at first start.
set -eu
set -a
. /run/secrets/superset/env
set +a
exec gunicorn --config /opt/superset/gunicorn_config.py application:application
