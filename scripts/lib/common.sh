# shellcheck shell=bash
# Shared by the scripts: where the project is, how a message looks. Sourced, never run.
set -euo pipefail
# With it, `cd` prints where it went, into whatever reads the output.
unset CDPATH
project_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
export DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1

say() { printf '%s\n' "$*" >&2; }
step() { printf '==> %s\n' "$*" >&2; }
# fail MESSAGE [EXIT_CODE]: what happened, what to do next.
fail() {
    printf 'reelhouse: %s\n' "$1" >&2
    exit "${2:-1}"
}

# Settings come from the environment, then from .env, then from the default: compose reads them in the same order.
setting() {
    local name="$1" default="$2" line
    if [ -n "${!name:-}" ]; then
        printf '%s' "${!name}"
        return
    fi
    line="$(sed -E 's/^export +//; s/\r$//; s/[[:space:]]+#.*$//; s/^([^=]+)=(["'"'"'])(.*)\2$/\1=\3/' \
        "$project_dir/.env" 2>/dev/null | grep -E "^${name}=" | tail -n 1 || true)"
    printf '%s' "${line:+${line#*=}}"
    [ -n "$line" ] || printf '%s' "$default"
}

# Two checkouts on one machine may each have images of their own.
IMAGE_PREFIX="$(setting IMAGE_PREFIX reelhouse)"
export IMAGE_PREFIX
