#!/bin/sh
# Buckets, versioning, lifecycle, users and their policies. Runs at every start; each step can run twice.
set -eu
. /run/secrets/minio/env
export MC_CONFIG_DIR=/tmp/mc
export MC_HOST_store="http://${MINIO_ROOT_USER}:${MINIO_ROOT_PASSWORD}@${MINIO_HOST:-minio:9000}"

for bucket in landing bronze warehouse; do
    mc mb --quiet --ignore-existing "store/$bucket"
    mc version enable --quiet "store/$bucket"
    mc ilm import "store/$bucket" </opt/minio/lifecycle.json
done

# user NAME ACCESS_KEY SECRET_KEY: the secret goes over standard input, never onto a command line.
user() {
    mc admin policy create store "$1" "/opt/minio/policies/$1.json" >/dev/null
    printf '%s\n%s\n' "$2" "$3" | mc admin user add store >/dev/null
    mc admin policy attach store "$1" --user "$2" >/dev/null 2>&1 ||
        mc admin user info store "$2" | grep -q "PolicyName: $1" ||
        { echo "buckets: attach policy $1: refused, see 'mc admin user info'" >&2; exit 1; }
    echo "user for $1: ready"
}
user landing "$S3_LANDING_ACCESS_KEY" "$S3_LANDING_SECRET_KEY"
user ingest "$S3_INGEST_ACCESS_KEY" "$S3_INGEST_SECRET_KEY"
user publisher "$S3_PUBLISHER_ACCESS_KEY" "$S3_PUBLISHER_SECRET_KEY"
user trino-reader "$S3_TRINO_READER_ACCESS_KEY" "$S3_TRINO_READER_SECRET_KEY"
user trino-ingest "$S3_TRINO_INGEST_ACCESS_KEY" "$S3_TRINO_INGEST_SECRET_KEY"
user trino-audit "$S3_TRINO_AUDIT_ACCESS_KEY" "$S3_TRINO_AUDIT_SECRET_KEY"
user trino-branch "$S3_TRINO_BRANCH_ACCESS_KEY" "$S3_TRINO_BRANCH_SECRET_KEY"
user backup "$S3_BACKUP_ACCESS_KEY" "$S3_BACKUP_SECRET_KEY"
user restore "$S3_RESTORE_ACCESS_KEY" "$S3_RESTORE_SECRET_KEY"
user trino-maintenance "$S3_TRINO_MAINTENANCE_ACCESS_KEY" "$S3_TRINO_MAINTENANCE_SECRET_KEY"
user maintenance "$S3_MAINTENANCE_ACCESS_KEY" "$S3_MAINTENANCE_SECRET_KEY"
user erasure "$S3_ERASURE_ACCESS_KEY" "$S3_ERASURE_SECRET_KEY"
