"""A file to Parquet by a Python library: LIBRARY INPUT OUTPUT FORMAT"""

import json
import os
import resource
import sys

library, source, output, form = sys.argv[1:]
os.mkdir(output)
target = f"{output}/films.parquet"


def with_duckdb():
    import duckdb

    names = "title year audience_average_score total_audience_ratings".split()
    types = ", ".join(f"{name}: 'VARCHAR'" for name in names)
    read = {
        "csv": f"read_csv('{source}', all_varchar = true)",
        "json": f"read_json('{source}', format = 'array', columns = {{{types}}})",
    }[form]
    copy = f"COPY (SELECT * FROM {read}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
    return duckdb.sql(copy) or duckdb.sql(f"SELECT count(*) FROM '{target}'").fetchone()[0]


def with_polars():
    import polars

    if form == "csv":
        polars.scan_csv(source, infer_schema=False).sink_parquet(target, compression="zstd")
    else:
        polars.read_json(source).write_parquet(target, compression="zstd")
    return polars.scan_parquet(target).select(polars.len()).collect().item()


def with_pandas():
    import pandas

    if form == "csv":
        frame = pandas.read_csv(source, dtype=str, keep_default_na=False)
    else:
        frame = pandas.read_json(source, dtype=False)
    frame.to_parquet(target, compression="zstd", index=False)
    return len(frame)


rows = {"duckdb": with_duckdb, "polars": with_polars, "pandas": with_pandas}[library]()
usage = resource.getrusage(resource.RUSAGE_SELF)
cpu_seconds = usage.ru_utime + usage.ru_stime
print(json.dumps({"rows": rows, "cpuSeconds": cpu_seconds, "kilobytes": usage.ru_maxrss}), end="")
