"""Superset's settings, where they differ from its defaults. Secrets come from the environment (start.sh)."""
import os
from datetime import timedelta

from cachelib import FileSystemCache
from sqlalchemy.engine.url import URL

SECRET_KEY = os.environ["SUPERSET_SECRET_KEY"]
SQLALCHEMY_DATABASE_URI = URL.create(
    "postgresql+psycopg2",
    username="superset",
    password=os.environ["PG_SUPERSET_PASSWORD"],
    host="catalog",
    database="superset",
).render_as_string(hide_password=False)


def log_in_to_trino(uri, engine_options, username, security_manager, source):
    """The password of `bi` goes into the connection when one is opened: Superset's database never holds it."""
    if (uri.host, uri.username) == ("trino", "bi"):
        uri = uri.set(password=os.environ["TRINO_BI_PASSWORD"])
    return uri, engine_options


DB_CONNECTION_MUTATOR = log_in_to_trino

# Caches are files: both processes see them, no further server is needed, and a container that is made anew starts with
# none. What somebody is working on (filters, an unsaved chart) stays in the database, which is Superset's default.
CACHE_FOLDER = "/var/lib/superset/cache"
CACHE_SECONDS = int(timedelta(minutes=5).total_seconds())


def file_cache(name):
    return {
        "CACHE_TYPE": "FileSystemCache",
        "CACHE_DIR": f"{CACHE_FOLDER}/{name}",
        "CACHE_THRESHOLD": 1000,
        "CACHE_DEFAULT_TIMEOUT": CACHE_SECONDS,
    }


CACHE_CONFIG = file_cache("metadata")
DATA_CACHE_CONFIG = file_cache("data")

# A session lies on the server: logging out ends it, which a signed cookie alone does not.
SESSION_SERVER_SIDE = True
SESSION_TYPE = "cachelib"
SESSION_CACHELIB = FileSystemCache(f"{CACHE_FOLDER}/sessions", threshold=1000)
SESSION_USE_SIGNER = True
PERMANENT_SESSION_LIFETIME = timedelta(hours=12)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# The page is plain HTTP on the loopback address (docs/decisions/0021-superset.md).
SESSION_COOKIE_SECURE = False

WTF_CSRF_ENABLED = True
# By default two servers of maps may ask.
ENABLE_CORS = False
RATELIMIT_ENABLED = True
RATELIMIT_STORAGE_URI = "memory://"
TALISMAN_ENABLED = True
# Superset's own policy without the hosts that it would load pictures, maps and fonts from: a page asks nobody but us.
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "script-src": ["'self'", "'strict-dynamic'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "frame_options": "DENY",
    "force_https": False,
    "session_cookie_secure": False,
}

# Longer than a query of `bi` usually takes, shorter than gunicorn's patience.
SUPERSET_WEBSERVER_TIMEOUT = 100
SQLLAB_TIMEOUT = 90
ROW_LIMIT = 10_000
SQL_MAX_ROW = 100_000
