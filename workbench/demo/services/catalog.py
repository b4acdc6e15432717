"""Catalog: products and stock. One thread per connection; Redis in front of MySQL."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shoplib import mysql, redis
from shoplib.control import Control

DOMAIN = os.environ["SHOP_DOMAIN"]
CACHE_MS = 3000
LIST_SQL = "SELECT id, name, price_cents FROM products WHERE category = 'featured' ORDER BY price_cents LIMIT 12"
SLOW_LIST_SQL = (
    "SELECT p.id, p.name, p.price_cents FROM products p JOIN reviews a ON a.product_id = p.id "
    "JOIN reviews b ON b.stars < a.stars AND b.author <> a.author "
    "WHERE p.category = 'featured' GROUP BY p.id, p.name, p.price_cents ORDER BY AVG(b.stars) LIMIT 12"
)
PRODUCT_SQL = "SELECT id, name, price_cents FROM products WHERE id = ?"
STOCK_SQL = "SELECT quantity FROM stock WHERE product_id = ?"

control = Control(faults=["slow-sql"])
database = mysql.Pool(
    lambda: mysql.Connection(f"mysql.{DOMAIN}", os.environ["MYSQL_USER"], os.environ["MYSQL_PASSWORD"], "shop")
)
cache = mysql.Pool(lambda: redis.Connection(f"redis.{DOMAIN}"))


def counted(call, operation):
    try:
        result = operation()
    except Exception as error:
        control.called(call, type(error).__name__)
        raise
    control.called(call, "ok")
    return result


def cached(key, load):
    found = counted("redis GET", lambda: cache.use(lambda c: c.command("GET", key)))
    if found is not None:
        return json.loads(found)
    value = load()
    if value is not None:
        text = json.dumps(value)
        counted("redis SET", lambda: cache.use(lambda c: c.command("SET", key, text, "PX", CACHE_MS)))
    return value


def product_list():
    slow = control.faults["slow-sql"]
    sql = SLOW_LIST_SQL if slow else LIST_SQL

    def load():
        rows = counted("mysql SELECT products", lambda: database.use(lambda c: c.query(sql)))
        return [{"id": int(row[0]), "name": row[1], "priceCents": int(row[2])} for row in rows]

    # The slow list has a key of its own, so that switching the fault shows at once in both directions.
    return load() if slow else cached("products:featured", load)


def product(product_id):
    def load():
        rows = counted(
            "mysql EXECUTE product", lambda: database.use(lambda c: c.execute(PRODUCT_SQL, [product_id]))
        )
        return {"id": rows[0][0], "name": rows[0][1], "priceCents": rows[0][2]} if rows else None

    return cached(f"product:{product_id}", load)


def stock(product_id):
    rows = counted("mysql EXECUTE stock", lambda: database.use(lambda c: c.execute(STOCK_SQL, [product_id])))
    return {"id": product_id, "quantity": rows[0][0]} if rows else None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # buffered: header and body leave in one write
    disable_nagle_algorithm = True

    def do_GET(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        route = f"GET /{parts[0]}" + ("/{id}" if len(parts) > 1 else "")
        try:
            if parts == ["products"]:
                status, value = 200, product_list()
            elif len(parts) == 2 and parts[0] in ("products", "stock") and parts[1].isdigit():
                value = (product if parts[0] == "products" else stock)(int(parts[1]))
                status, value = (200, value) if value is not None else (404, {"error": f"no product {parts[1]}"})
            else:
                status, value = 404, {"error": f"no such path {self.path}"}
        except Exception as error:
            print(f"{self.path}: {error!r}", file=sys.stderr)
            status, value = 502, {"error": type(error).__name__}
        control.received(route, status)
        self.answer(status, value)

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if "X-Request-ID" in self.headers:
            self.send_header("X-Request-ID", self.headers["X-Request-ID"])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    control.serve("control/catalog.sock")
    Server(("0.0.0.0", 8080), Handler).serve_forever()


main()
