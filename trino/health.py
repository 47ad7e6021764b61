#!/usr/bin/env python3
"""Health check: runs a query that needs the engine, the catalog database and a login.

/v1/info says ready before a query works, so only a query proves it. Exits 0 when it answered, else 1 with the reason.
"""
import base64
import json
import ssl
import sys
import urllib.request

QUERY = "SELECT count(*) FROM lakehouse.information_schema.schemata"
SECRETS = "/run/secrets/trino"


def secret(name):
    with open(f"{SECRETS}/env", encoding="utf-8") as lines:
        return next(line.strip().split("=", 1)[1] for line in lines if line.startswith(f"{name}="))


def main():
    context = ssl.create_default_context(cafile=f"{SECRETS}/ca.crt")
    login = base64.b64encode(f"health:{secret('TRINO_HEALTH_PASSWORD')}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "X-Trino-Source": "health"}

    def call(url, body=None):
        request = urllib.request.Request(url, data=body, headers=headers)
        with urllib.request.urlopen(request, context=context, timeout=5) as answer:
            return json.load(answer)

    state = call("https://trino:8443/v1/statement", QUERY.encode())
    while "nextUri" in state:
        state = call(state["nextUri"])
    if "error" in state:
        sys.exit(f"health query failed: {state['error']['message']}")


try:
    main()
except OSError as error:
    sys.exit(f"trino does not answer: {error}")
