"""Drives a store with clickhouse-connect. Prints one line per step; fails with a non-zero status."""

import datetime
import os

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError

host, port = os.environ["STORE_ADDRESS"].split(":")
for compression in (False, "gzip", "zstd", "lz4"):
    client = clickhouse_connect.get_client(
        host=host,
        port=int(port),
        username="admin",
        password=os.environ["STORE_ADMIN_TOKEN"],
        compress=compression,
    )
    print("ok connected", compression, client.server_version)
    table = f"default.py_{compression}"
    client.command(
        f"CREATE TABLE {table} (t DateTime64(9), id UInt64, s LowCardinality(String), m Map(String, String),"
        " a Array(String)) ENGINE = MergeTree ORDER BY id"
    )
    rows = [[datetime.datetime(2026, 1, 1), i, "service", {"k": str(i)}, ["x", "\n\ny"]] for i in range(20000)]
    client.insert(table, rows, column_names=["t", "id", "s", "m", "a"])
    got = client.query(f"SELECT count(), sum(id) FROM {table} WHERE a[2] = %(y)s", parameters={"y": "\n\ny"}).result_rows
    assert got == [(20000, 20000 * 19999 // 2)], got
    print("ok inserted", compression)
    bound = client.query("SELECT {a:String}, {b:UInt64}", parameters={"a": "it's", "b": 7}).result_rows
    assert bound == [("it's", 7)], bound
    with client.query_rows_stream(f"SELECT id, m FROM {table} ORDER BY id") as stream:
        for index, (number, attributes) in enumerate(stream):
            assert number == index and attributes == {"k": str(index)}, (index, number, attributes)
    assert index == 19999
    print("ok streamed", compression)
    try:
        client.query("SELECT * FROM nowhere")
        raise SystemExit("no exception")
    except DatabaseError as error:
        assert "UNKNOWN_TABLE" in str(error), error
    print("ok exception", compression)
