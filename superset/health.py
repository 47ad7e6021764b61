#!/usr/bin/env python3
"""Health check: the page to log in at, which is rendered with what the database knows."""
import sys
import urllib.request

try:
    urllib.request.urlopen("http://localhost:8088/login/", timeout=10).close()
except OSError as error:
    sys.exit(f"superset does not answer: {error}")
