"""Runs `dbt run` and `dbt test` when the CLI asks for it, and says what happened, one JSON object per line.

dbt and the parsed project stay in memory: each request is served by a fork of this process, so a build starts at
once, is isolated, and can be killed alone. Fork and publish of the branch are not done here: this container may
write branches (`audit`, `br_...`) through Trino and nothing else.

GET /health                                200 when the project is parsed
GET /project                               {"sha256": of models, tests, macros, configuration and versions}
POST /stop                                 ends a build whose client is gone; answers when nothing of it runs
POST /build {"catalog": "audit", "part": "models"|"tests", "unit_tests": true|false,
             "variables": what the macros take: changed_batches, check_contracts}
                                           lines {"event": "progress"}, at last {"event": "result"}
"""
import contextlib
import fcntl
import hashlib
import hmac
import importlib.metadata
import json
import os
import pathlib
import re
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ForkingMixIn

from dbt.cli.main import dbtRunner

PORT = 8580
PROJECT = pathlib.Path(os.environ["DBT_PROJECT_DIR"])
CATALOG = re.compile("audit|br_[a-z][a-z0-9_]{0,30}")
BUILD_LOCK = "/tmp/dbt/build.lock"
# A client that has gone away is noticed at the next line, so there is one at least this often.
HEARTBEAT_SECONDS = 5
STOP_SECONDS = 30


def parse_project():
    """The manifest, or the end of this process: a project that does not parse can't be built."""
    parsed = dbtRunner().invoke(["parse", "--no-partial-parse"])
    if not parsed.success:
        sys.exit(f"dbt parse failed: {parsed.exception}")
    return parsed.result


def project_hash():
    digest = hashlib.sha256()
    lock = pathlib.Path("/opt/dbt/requirements.lock")
    for file in [*sorted(path for path in PROJECT.rglob("*") if path.is_file()), lock]:
        digest.update(str(file).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


class Answer:
    """The lines of one answer. A line that can't be written means that the client is gone: the build ends with it."""

    def __init__(self, stream):
        self.stream = stream
        self.lock = threading.Lock()

    def send(self, event, **fields):
        line = json.dumps({"event": event, **fields}) + "\n"
        with self.lock:
            try:
                self.stream.write(line.encode())
                self.stream.flush()
            except OSError:
                # Not an exception: dbt would report it as one failed node and go on.
                os._exit(1)

    def keep_alive(self):
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            self.send("progress", message="")


def take_build_lock():
    """The lock file, with this process's number in it; None while another build has it. It ends with its holder."""
    lock = open(BUILD_LOCK, "a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def stop_build():
    """Ends the active build, if there is one. A build on the branch that the next one forks would spoil it."""
    deadline = time.monotonic() + STOP_SECONDS
    while (lock := take_build_lock()) is None:
        if time.monotonic() > deadline:
            return False
        holder = pathlib.Path(BUILD_LOCK).read_text()
        if holder:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(holder), signal.SIGKILL)
        time.sleep(0.1)
    lock.close()
    return True


def retarget(manifest, catalog):
    """The parsed project names its catalog in every relation; this process's copy of it shall name another one."""
    parsed, os.environ["DBT_CATALOG"] = os.environ["DBT_CATALOG"], catalog
    for node in [*manifest.nodes.values(), *manifest.sources.values()]:
        node.database = catalog
        if node.relation_name:
            node.relation_name = node.relation_name.replace(f'"{parsed}".', f'"{catalog}".', 1)


def build(manifest, answer, catalog, part, unit_tests, variables):
    """The fields of the result; progress is told to `answer`."""
    retarget(manifest, catalog)
    started = time.monotonic()

    def report(event):
        if event.info.name == "NodeFinished":
            node = event.data.node_info
            answer.send("progress", message=f"{node.resource_type} {node.node_name}: {node.node_status}")

    if part == "models":
        words = ["run", "--vars", json.dumps(variables)]
    else:
        words = ["test", *([] if unit_tests else ["--exclude-resource-type", "unit_test"])]
    outcome = dbtRunner(manifest=manifest, callbacks=[report]).invoke([*words, "--no-populate-cache"])
    return {
        "success": outcome.success,
        "exception": str(outcome.exception) if outcome.exception else None,
        "seconds": round(time.monotonic() - started, 3),
        "versions": {package: importlib.metadata.version(package) for package in ["dbt-core", "dbt-trino"]},
        "nodes": [
            {
                "id": result.node.unique_id,
                "kind": str(result.node.resource_type),
                "name": result.node.name,
                "schema": result.node.schema,
                "status": str(result.status),
                "message": result.message,
                "failures": result.failures,
                "seconds": round(result.execution_time, 3),
                "depends_on": result.node.depends_on_nodes,
            }
            for result in getattr(outcome.result, "results", None) or []
        ],
    }


class Handler(BaseHTTPRequestHandler):
    manifest = None
    project_sha256 = None

    def do_GET(self):
        if self.path == "/health":
            self.reply(200, {"status": "ready"})
        elif not self.authorized():
            self.reply(401, {"error": "expected the bearer token of this stack"})
        elif self.path == "/project":
            self.reply(200, {"sha256": self.project_sha256})
        else:
            self.reply(404, {"error": "expected /health or /project"})

    def do_POST(self):
        request = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self.authorized():
            self.reply(401, {"error": "expected the bearer token of this stack"})
        elif self.path == "/stop":
            stopped = stop_build()
            self.reply(200 if stopped else 500, {"stopped": stopped})
        elif self.path != "/build":
            self.reply(404, {"error": "expected /build or /stop"})
        elif not CATALOG.fullmatch(json.loads(request or "{}").get("catalog", "")):
            self.reply(400, {"error": "expected the catalog of a branch"})
        elif (lock := take_build_lock()) is None:
            self.reply(409, {"error": "another build is active"})
        else:
            self.answer_build(json.loads(request), lock)

    def answer_build(self, request, lock):
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.end_headers()
        answer = Answer(self.wfile)
        threading.Thread(target=answer.keep_alive, daemon=True).start()
        wanted = [request["catalog"], request["part"], bool(request.get("unit_tests")), request["variables"]]
        with lock:
            result = build(self.manifest, answer, *wanted)
        # Whoever has the result may ask for the next build at once.
        answer.send("result", **result)

    def authorized(self):
        expected = f"Bearer {os.environ['DBT_TOKEN']}"
        return hmac.compare_digest(self.headers.get("authorization", ""), expected)

    def reply(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *values):
        if self.path != "/health":
            super().log_message(format, *values)


class Server(ForkingMixIn, HTTPServer):
    max_children = 8


def main():
    os.makedirs("/tmp/dbt", exist_ok=True)
    Handler.manifest = parse_project()
    Handler.project_sha256 = project_hash()
    Server(("", PORT), Handler).serve_forever()


main()
