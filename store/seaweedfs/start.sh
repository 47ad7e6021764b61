#!/bin/bash
# Starts the server, with the users, keys and policies of this start, and the proxy in front of it.
set -eu
. /opt/store/serve.sh
refuse_data_of minio .minio.sys
refuse_files_of_service
set -a
. /run/secrets/store/env
set +a
# In memory: it holds the users' secrets. The server reads it at its start, and takes no user from elsewhere.
umask 077
users=/dev/shm/users.json
{
    jq --null-input '{
        name: "root",
        credentials: [{ accessKey: env.STORE_ROOT_USER, secretKey: env.STORE_ROOT_PASSWORD }],
        actions: ["Admin", "Read", "Write", "List", "Tagging"]
    }'
    for file in /opt/store/policies/*.json; do
        name="$(basename "$file" .json)"
        variable="S3_$(echo "$name" | tr 'a-z-' 'A-Z_')"
        content="$(/opt/store/policy.sh "$file")"
        jq --null-input --arg name "$name" --arg variable "$variable" --arg content "$content" '
            def key($part): env["\($variable)_\($part)"] // error("\($variable)_\($part) is missing: ./scripts/up makes it");
            {
                name: $name,
                credentials: [{ accessKey: key("ACCESS_KEY"), secretKey: key("SECRET_KEY") }],
                policyNames: [$name],
                content: $content
            }'
    done
} | jq --slurp '{
    identities: map(del(.content)),
    policies: map(select(.content) | { name, content })
}' >"$users"
# All its ports are this container's own; what the stack does not use of it is off.
serve env --ignore-environment GOMEMLIMIT="${GOMEMLIMIT:-400MiB}" /usr/local/bin/weed -logtostderr -v=0 server -dir=/data \
    -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.volumeSizeLimitMB=1024 -master.telemetry=false \
    -volume.max=0 -volume.preStopSeconds=1 -filer \
    -s3 -s3.port=9001 -s3.config="$users" -s3.iam=false -s3.port.iceberg=0 -s3.port.lance=0
