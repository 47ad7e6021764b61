#!/usr/bin/env python3
"""Health check: the project is parsed, the worker listens, and Trino answers it over a verified connection."""
import ssl
import sys
import urllib.request

try:
    urllib.request.urlopen("http://localhost:8580/health", timeout=5).close()
    context = ssl.create_default_context(cafile="/run/secrets/dbt/ca.crt")
    urllib.request.urlopen("https://trino:8443/v1/info", timeout=5, context=context).close()
except OSError as error:
    sys.exit(f"dbt cannot work: {error}")
