"""Blocking MySQL connections, as many as threads use at once."""

import queue
import socket

from . import mysql_protocol as protocol


class Connection:
    def __init__(self, host, user, password, database):
        self.socket = socket.create_connection((host, 3306), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.statements = {}
        self.run(protocol.connect(user, password, database))

    def run(self, operation):
        received = None
        while True:
            try:
                wanted = operation.send(received)
            except StopIteration as done:
                return done.value
            received = None
            if wanted is protocol.RECEIVE:
                received = self.receive()
            else:
                self.socket.sendall(wanted)

    def receive(self):
        header = self.file.read(4)
        if len(header) < 4:
            raise ConnectionError("MySQL closed the connection")
        length = int.from_bytes(header[:3], "little")
        payload = self.file.read(length)
        if len(payload) < length:
            raise ConnectionError("MySQL closed the connection")
        return payload

    def query(self, sql):
        return self.run(protocol.query(sql))

    def execute(self, sql, values):
        """Prepared once per connection, then executed."""
        if sql not in self.statements:
            self.statements[sql] = self.run(protocol.prepare(sql))[0]
        return self.run(protocol.execute(self.statements[sql], values))

    def close(self):
        self.file.close()
        self.socket.close()


class Pool:
    """Hands a connection to one user at a time; a connection that failed is closed, not reused."""

    def __init__(self, connect):
        self.connect = connect
        self.idle = queue.LifoQueue()

    def use(self, operation):
        try:
            connection = self.idle.get_nowait()
        except queue.Empty:
            connection = self.connect()
        try:
            result = operation(connection)
        except Exception:
            connection.close()
            raise
        self.idle.put(connection)
        return result
