#!/bin/sh
# Users and their policies, by the client of MinIO. Run by buckets.sh, with its secrets in the environment.
set -eu
# In memory: the files below hold the users' secrets.
work=/dev/shm/users
umask 077
mkdir -p "$work/iam-assets"
export MC_CONFIG_DIR="$work/mc"
export MC_HOST_store="http://${STORE_ROOT_USER}:${STORE_ROOT_PASSWORD}@store:9000"

key() { printenv "$1" || { echo "users: $1 is missing: ./scripts/up makes it" >&2 && exit 1; }; }

# Each policy has one user, whose keys are named after it. All at once, as a cluster would be moved: a call of mc takes
# longer than what it asks for.
separator=
known=
for file in /opt/store/policies/*.json; do
    name="$(basename "$file" .json)"
    variable="S3_$(echo "$name" | tr 'a-z-' 'A-Z_')"
    access_key="$(key "${variable}_ACCESS_KEY")"
    secret_key="$(key "${variable}_SECRET_KEY")"
    printf '%s"%s":' "$separator" "$name" >&3
    /opt/store/policy.sh "$file" >&3
    printf '%s"%s":{"secretKey":"%s","status":"enabled"}' "$separator" "$access_key" "$secret_key" >&4
    printf '%s"%s":{"version":1,"policy":"%s"}' "$separator" "$access_key" "$name" >&5
    separator=,
    known="$known $access_key "
done 3>"$work/policies" 4>"$work/users" 5>"$work/mappings"
cd "$work"
for assets in policies users; do printf '{%s}' "$(cat "$assets")" >"iam-assets/$assets.json"; done
printf '{%s}' "$(cat mappings)" >iam-assets/user_mappings.json
zip --quiet iam.zip iam-assets/*.json
# Its report names the keys, which no log shall have.
report="$(mc admin cluster iam import store iam.zip)"
case "$report" in
    *ailed*) echo "users: the store refused some users or policies: see 'mc admin user list'" >&2 && exit 1 ;;
esac
# A key of ours that no secret has is from before `reelhouse rotate`. Users of other policies are somebody else's.
mc admin user list --json store >present
sed -n 's/.*"accessKey":"\([^"]*\)".*"policyName":"\([^"]*\)".*/\1 \2/p' present | while read -r access_key policy; do
    if [ ! -e "/opt/store/policies/$policy.json" ]; then continue; fi
    case "$known" in *" $access_key "*) ;; *) mc admin user rm --quiet store "$access_key" >/dev/null ;; esac
done
