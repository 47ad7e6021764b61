"""Reads the published tables with PyIceberg, an engine that is not ours, and prints what it sees as JSON.

read.py MILLISECONDS...: also as of these times. Logins come from the environment; both of them can only read.
"""

import json
import os
import sys
from urllib.parse import quote

from pyiceberg.catalog.sql import SqlCatalog

login = f"trino_reader:{quote(os.environ['PG_TRINO_READER_PASSWORD'])}"
catalog = SqlCatalog(
    "lakehouse",
    **{
        "uri": f"postgresql+psycopg2://{login}@catalog/lakehouse?options=-csearch_path%3Diceberg",
        "init_catalog_tables": "false",
        "s3.endpoint": "http://store:9000",
        "s3.region": "us-east-1",
        "s3.access-key-id": os.environ["S3_TRINO_READER_ACCESS_KEY"],
        "s3.secret-access-key": os.environ["S3_TRINO_READER_SECRET_KEY"],
    },
)


def rows_of(table, snapshot_id=None):
    columns = table.scan(snapshot_id=snapshot_id).to_arrow().to_pydict()
    return {"columns": list(columns), "rows": [list(row) for row in zip(*columns.values(), strict=True)]}


seen = {}
for namespace in ["silver", "gold"]:
    for identifier in catalog.list_tables(namespace):
        table = catalog.load_table(identifier)
        tags = sorted(name for name, ref in table.metadata.refs.items() if ref.snapshot_ref_type == "tag")
        answers = {"now": rows_of(table)}
        for tag in tags:
            answers[tag] = rows_of(table, table.snapshot_by_name(tag).snapshot_id)
        for time in sys.argv[1:]:
            snapshot = table.snapshot_as_of_timestamp(int(time))
            answers[time] = rows_of(table, snapshot.snapshot_id) if snapshot else None
        seen[".".join(identifier)] = {"tags": tags, "answers": answers}
json.dump(seen, sys.stdout, default=str)
