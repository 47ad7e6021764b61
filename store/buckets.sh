#!/bin/sh
# Buckets, versioning, lifecycle, by plain S3 calls; then users and their policies, where the store takes them while it
# runs. Runs at every start; each step can run twice.
set -eua
. /run/secrets/store/env
set +a
umask 077
answer=/dev/shm/answer
# In a file: others could read the words of a process.
curl_settings=/dev/shm/curl
cat >"$curl_settings" <<TEXT
silent
connect-timeout = 10
max-time = 60
user = "$STORE_ROOT_USER:$STORE_ROOT_PASSWORD"
aws-sigv4 = "aws:amz:$STORE_REGION:s3"
output = "$answer"
write-out = "%{http_code}"
TEXT

# ask METHOD PATH [FILE]: the HTTP status; a request with content takes its checksum.
ask() {
    : >"$answer"
    if [ $# -lt 3 ]; then
        set -- --request "$1" "$STORE_ENDPOINT/$2"
    else
        set -- --request "$1" --header "Content-MD5: $(openssl md5 -binary "$3" | base64)" --header "Content-Type: application/xml" \
            --data-binary "@$3" "$STORE_ENDPOINT/$2"
    fi
    curl --config "$curl_settings" "$@" || true
}
# refused BUCKET WHAT STATUS: what the store answered, which may be nothing.
refused() {
    [ "$3" != 000 ] || { echo "buckets: $STORE_ENDPOINT does not answer" >&2 && exit 1; }
    echo "buckets: $STORE_ENDPOINT: $2 of bucket '$1' was refused with HTTP status $3: $(head -c 500 "$answer" 2>/dev/null)" >&2
}

# With max-keys=0, MinIO says yes to a bucket that is not there.
for name in landing bronze warehouse; do
    bucket="$STORE_PREFIX$name"
    status="$(ask GET "$bucket?list-type=2&max-keys=1")"
    case "$status" in
        200) ;;
        404)
            content=
            if [ "$STORE_REGION" != us-east-1 ]; then
                content=/dev/shm/region
                echo "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>$STORE_REGION</LocationConstraint></CreateBucketConfiguration>" >"$content"
            fi
            status="$(ask PUT "$bucket" ${content:+"$content"})"
            [ "$status" = 200 ] || { refused "$bucket" creation "$status" && exit 1; }
            ;;
        *)
            refused "$bucket" "the listing" "$status"
            echo "buckets: its name has to be free on the store, or yours (STORE_PREFIX makes another one of it), and the keys right: docs/object-store.md" >&2
            exit 1
            ;;
    esac
    for setting in versioning lifecycle; do
        status="$(ask PUT "$bucket?$setting" "/opt/store/$setting.xml")"
        case "$status" in
            2*) ;;
            *)
                refused "$bucket" "$setting" "$status"
                # Of a store that we run it has to work; another one may not have it, or not for this key.
                [ "$STORE" = s3 ] || exit 1
                echo "buckets: going on without $setting: see docs/object-store.md for what that ends" >&2
                ;;
        esac
    done
done
if [ -x /opt/store/users.sh ]; then /opt/store/users.sh; fi
echo "buckets: ready"
