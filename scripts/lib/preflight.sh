# shellcheck shell=bash
# What the machine must offer before anything is changed. Each check says what is needed and what was found.
# Sourced by scripts/up and scripts/test, after common.sh.
: "${project_dir:?}"

preflight_faults=()
need() { preflight_faults+=("need $1, found $2: $3"); }

gibibytes() { awk -v kib="$1" 'BEGIN { printf "%.1f GB", kib / 1024 / 1024 }'; }

# check_memory GB
check_memory() {
    # A machine shows a little less than it has: its kernel keeps some.
    local needed_kib=$(($1 * 9 * 1024 * 1024 / 10)) found_kib
    found_kib="$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)"
    [ "$found_kib" -ge "$needed_kib" ] ||
        need "$1 GB of memory" "$(gibibytes "$found_kib")" "use a larger machine"
}

check_disk() {
    # Building needs room for packages and layers; once the images are there, data alone grows.
    local needed_kib=$((12 * 1024 * 1024)) folder=/var/lib/docker found_kib
    docker image inspect "$IMAGE_PREFIX/trino" "$IMAGE_PREFIX/dbt" >/dev/null 2>&1 && needed_kib=$((2 * 1024 * 1024))
    folder="$(docker info --format '{{.DockerRootDir}}' 2>/dev/null || echo "$folder")"
    while [ ! -d "$folder" ]; do folder="$(dirname "$folder")"; done
    found_kib="$(df --output=avail -k "$folder" | tail -n 1 | tr -d ' ')"
    [ "$found_kib" -ge "$needed_kib" ] ||
        need "$(gibibytes "$needed_kib") of free disk at $folder" "$(gibibytes "$found_kib")" "free some, e.g. docker image prune"
}

# check_port SERVICE SETTING DEFAULT
check_port() {
    local service="$1" setting="$2" port
    port="$(setting "$2" "$3")"
    if ! [[ "$port" =~ ^[0-9]{1,5}$ ]] || [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then
        need "a port number for $setting" "'$port'" "correct it in .env"
    elif ! ours_listens "$service" "$port" && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        need "port $port free on 127.0.0.1" "it taken by another program" "set $setting=<another> in .env"
    fi
}

check_store() {
    case "$(setting STORE minio)" in
        minio | seaweedfs | s3) ;;
        *) need "STORE to be minio, seaweedfs or s3" "'$(setting STORE minio)'" "correct it in .env (docs/object-store.md)" ;;
    esac
}

# The stack itself may hold its port already.
ours_listens() {
    docker compose --project-directory "$project_dir" --profile "*" ps --format '{{.Ports}}' "$1" 2>/dev/null | grep -q ":$2->"
}

check_rights() {
    docker info >/dev/null 2>&1 && return
    [ "$(id -u)" = 0 ] && return
    if command -v dockerd >/dev/null || [ -S /var/run/docker.sock ]; then
        need "access to the Docker engine" "none as user $(id -un)" "join the group docker, or run as root"
    else
        need "a Docker engine, or root to install one" "neither" "install Docker, or run once as root"
    fi
}

# preflight MEMORY_GB [SERVICE...]: the servers whose ports the stack will take, if it takes fixed ones.
preflight() {
    local service
    check_rights
    check_memory "$1"
    check_disk
    check_store
    for service in "${@:2}"; do
        case "$service" in
            trino) check_port trino TRINO_PORT 8443 ;;
            superset) check_port superset SUPERSET_PORT 8088 ;;
            docs) check_port docs DOCS_PORT 8089 ;;
            direct) check_port direct DIRECT_PORT 9000 ;;
        esac
    done
    [ "${#preflight_faults[@]}" -eq 0 ] && return
    printf 'reelhouse: %s\n' "${preflight_faults[@]}" >&2
    exit 1
}
