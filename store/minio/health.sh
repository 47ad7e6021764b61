#!/bin/sh
# A write quorum, not only a listening port.
exec curl --fail --silent http://localhost:9000/minio/health/cluster
