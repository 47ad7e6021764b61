#!/usr/bin/env python3
"""Runs while the image is built: lets Trino start and answer queries, so that the JVM keeps what it learned.

The JVM writes loaded classes and the profiles of methods into a file (AOT cache, JEP 483 and 515), and Trino
starts with it in less time. Where it does not fit, the JVM starts without it, as slowly as ever. Writes the file that is
named as the only argument.
"""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

SERVER = "http://localhost:8080"
HOME = pathlib.Path("/opt/trino")
FOLDER = pathlib.Path("/tmp/train")
# What builds and readers do, on data that Trino makes up itself.
STATEMENTS = [
    "CREATE TABLE memory.default.films AS SELECT * FROM tpch.tiny.orders",
    "SELECT count(*) FROM memory.information_schema.columns WHERE table_schema = 'default'",
    """SELECT custkey, count(*) AS orders, sum(totalprice) AS total, max_by(orderkey, orderdate) AS newest
       FROM memory.default.films GROUP BY custkey HAVING count(*) > 1 ORDER BY total DESC LIMIT 10""",
    """WITH ranked AS (
         SELECT *, row_number() OVER (PARTITION BY custkey ORDER BY orderdate DESC, orderkey) AS place
         FROM memory.default.films WHERE regexp_like(clerk, '[0-9]+'))
       SELECT c.name, lower(trim(ranked.clerk)), CAST(ranked.totalprice AS varchar), try_cast(ranked.clerk AS bigint)
       FROM ranked FULL OUTER JOIN tpch.tiny.customer c ON c.custkey = ranked.custkey WHERE place = 1 ORDER BY 1 LIMIT 5""",
    """SELECT json_format(CAST(MAP(ARRAY['a', 'b'], ARRAY[clerk, comment]) AS json)), normalize(comment, NFD),
         filter(ARRAY[ROW('x', clerk)], r -> r[1] IS NOT NULL), date_diff('day', orderdate, current_date)
       FROM memory.default.films LIMIT 100""",
    "SELECT * FROM memory.default.films EXCEPT SELECT * FROM tpch.tiny.orders",
    "INSERT INTO memory.default.films SELECT * FROM tpch.tiny.orders WHERE orderkey < 1000",
    """SELECT clerk FROM memory.default.films WHERE orderkey IN (SELECT orderkey FROM tpch.tiny.lineitem WHERE quantity > 49)
       UNION ALL SELECT name FROM tpch.tiny.nation CROSS JOIN UNNEST(ARRAY[1, 2]) AS t (n)""",
    "CREATE OR REPLACE VIEW memory.default.clerks AS SELECT clerk, count(*) AS orders FROM memory.default.films GROUP BY clerk",
    "SELECT max(orders) FROM memory.default.clerks",
    "EXPLAIN SELECT * FROM memory.default.clerks",
    "DROP TABLE memory.default.films",
]
ROUNDS = 3
START_SECONDS = 300


def configure(output):
    shutil.copytree(HOME / "etc", FOLDER / "etc")
    etc = FOLDER / "etc"
    for concern in ["access-control", "password-authenticator", "group-provider", "resource-groups"]:
        (etc / f"{concern}.properties").unlink(missing_ok=True)
    shutil.rmtree(etc / "catalog", ignore_errors=True)
    (etc / "catalog").mkdir()
    for connector in ["tpch", "memory"]:
        (etc / "catalog" / f"{connector}.properties").write_text(f"connector.name={connector}\n")
    (etc / "catalog-store.properties").write_text(f"catalog.config-dir={etc}/catalog\n")
    limits = re.findall(r"^(?:query|memory|task|node-scheduler|catalog)\..*$", (etc / "config.properties").read_text(), re.M)
    server = ["coordinator=true", "http-server.http.port=8080", f"discovery.uri={SERVER}"]
    (etc / "config.properties").write_text("\n".join(server + limits) + "\n")
    (etc / "node.properties").write_text(f"node.environment=train\nnode.internal-address=localhost\nnode.data-dir={FOLDER}/data\n")
    options = re.sub(r"-XX:AOTCache=.*", f"-XX:AOTCacheOutput={output}", (etc / "jvm.config").read_text())
    # While an image is built, nothing limits the memory, of which the heap is a share.
    (etc / "jvm.config").write_text(f"{options}-XX:MaxRAM=2560M\n")


def call(url, body=None):
    request = urllib.request.Request(url, data=body, headers={"X-Trino-User": "train"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def run(statement):
    state = call(f"{SERVER}/v1/statement", statement.encode())
    while "nextUri" in state:
        state = call(state["nextUri"])
    return state.get("error", {}).get("message")


def succeed(statement):
    if (error := run(statement)) is not None:
        sys.exit(f"train: {error}: {statement}")


def wait_until_started(trino):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if trino.poll() is not None:
            sys.exit(f"train: Trino ended with {trino.returncode}")
        try:
            if run("CREATE TABLE memory.default.probe AS SELECT * FROM tpch.tiny.nation") is None:
                return
        except OSError:
            pass
        time.sleep(0.5)
    sys.exit(f"train: Trino answers no query {START_SECONDS} s after its start")


def main(output):
    configure(output)
    trino = subprocess.Popen([HOME / "bin/launcher", "run", "--etc-dir", FOLDER / "etc"])
    wait_until_started(trino)
    for _ in range(ROUNDS):
        for statement in STATEMENTS:
            succeed(statement)
    trino.send_signal(signal.SIGTERM)
    trino.wait()
    if not pathlib.Path(output).is_file():
        sys.exit("train: the JVM wrote no cache")


main(sys.argv[1])
