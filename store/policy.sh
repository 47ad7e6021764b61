#!/bin/sh
# policy.sh FILE: a policy of store/policies with the names that STORE_PREFIX makes of the buckets.
set -eu
exec sed "s/arn:aws:s3:::\([a-z]\)/arn:aws:s3:::${STORE_PREFIX:-}\1/g" "$1"
