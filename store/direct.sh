#!/bin/sh
# The proxy of people's own engines. It reads its certificate when it starts, so one that is renewed while it runs
# (./scripts/up does it in the last month) makes it start anew, without losing a connection.
set -eu
certificate=/run/secrets/direct/server.pem
served="$(stat -c %i "$certificate")"
watch() {
    while sleep 5; do
        # Replaced as a whole, by a file of another number.
        found="$(stat -c %i "$certificate")"
        # `exec` below makes this shell's number that of the proxy.
        [ "$found" = "$served" ] || kill -USR2 $$
        served="$found"
    done
}
# In a shell that has ended: the proxy does not stop while it has a child of its own.
(watch &)
exec haproxy -W -db -f /opt/store/direct.cfg
