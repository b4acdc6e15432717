"""Ledger: the book of payments. One asyncio loop; few database connections shared by all coroutines."""

import asyncio
import json
import os
import signal
import sys

from shoplib import mysql_async
from shoplib.control import Control

DOMAIN = os.environ["SHOP_DOMAIN"]
INSERT_SQL = "INSERT INTO entries (reference, account, amount_cents) VALUES (?, ?, ?)"
MAX_BODY = 65536

control = Control(faults=[])


async def open_database():
    return await mysql_async.Connection.open(
        f"mysql.{DOMAIN}", os.environ["MYSQL_USER"], os.environ["MYSQL_PASSWORD"], "shop"
    )


async def counted(call, awaitable):
    try:
        result = await awaitable
    except Exception as error:
        control.called(call, type(error).__name__)
        raise
    control.called(call, "ok")
    return result


async def book(database, entry):
    reference, amount = str(entry["reference"])[:64], int(entry["amountCents"])

    async def transaction(connection):
        await counted("mysql BEGIN", connection.query("BEGIN"))
        await counted("mysql EXECUTE entry", connection.execute(INSERT_SQL, [reference, "customer", -amount]))
        await counted("mysql EXECUTE entry", connection.execute(INSERT_SQL, [reference, "shop", amount]))
        await counted("mysql COMMIT", connection.query("COMMIT"))

    await database.use(transaction)
    return {"reference": reference, "booked": amount}


async def entries(database, reference):
    quoted = "".join(c for c in reference if c.isalnum() or c == "-")
    sql = f"SELECT account, amount_cents FROM entries WHERE reference = '{quoted}'"
    rows = await database.use(lambda c: counted("mysql SELECT entries", c.query(sql)))
    return [{"account": row[0], "amountCents": int(row[1])} for row in rows]


async def route(database, method, path, body):
    """Returns (route's name, status, answer)."""
    parts = path.split("?")[0].strip("/").split("/")
    if method == "POST" and parts == ["entries"]:
        return "POST /entries", 201, await book(database, json.loads(body))
    if method == "GET" and len(parts) == 2 and parts[0] == "entries":
        found = await entries(database, parts[1])
        if not found:
            return "GET /entries/{id}", 404, {"error": f"no entry {parts[1]}"}
        return "GET /entries/{id}", 200, found
    return f"{method} /{parts[0]}", 404, {"error": f"no such path {path}"}


async def read_request(reader):
    """Returns (method, path, headers, body), or None at the end of the connection."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        return None
    start, *lines = head.rstrip("\r\n").split("\r\n")
    words = start.split(" ")
    if len(words) != 3:
        return None
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MAX_BODY:
        return None
    try:
        body = await reader.readexactly(int(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return words[0], words[1], headers, body


REASONS = {200: "OK", 201: "Created", 404: "Not Found", 502: "Bad Gateway"}


async def serve(database, reader, writer):
    try:
        while request := await read_request(reader):
            method, path, headers, body = request
            try:
                name, status, value = await route(database, method, path, body)
            except Exception as error:
                print(f"{method} {path}: {error!r}", file=sys.stderr)
                name, status, value = f"{method} /{path.strip('/').split('/')[0]}", 502, {"error": type(error).__name__}
            control.received(name, status)
            answer = json.dumps(value).encode()
            close = headers.get("connection", "").lower() == "close"
            head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\n"
            head += f"Content-Length: {len(answer)}\r\n"
            if "x-request-id" in headers:
                head += f"X-Request-ID: {headers['x-request-id']}\r\n"
            head += f"Connection: {'close' if close else 'keep-alive'}\r\n\r\n"
            writer.write(head.encode("latin-1") + answer)
            await writer.drain()
            if close:
                break
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main():
    control.serve("control/ledger.sock")
    database = mysql_async.Pool(4, open_database)
    server = await asyncio.start_server(lambda r, w: serve(database, r, w), "0.0.0.0", 8080, backlog=256)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    server.close()


asyncio.run(main())
