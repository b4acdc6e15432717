"""Redis: the few commands the shop needs. https://redis.io/docs/latest/develop/reference/protocol-spec/"""

import socket


class RedisError(Exception):
    """An error reply."""


class Connection:
    def __init__(self, host):
        self.socket = socket.create_connection((host, 6379), timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def command(self, *parts):
        encoded = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
        request = b"*%d\r\n" % len(encoded)
        for part in encoded:
            request += b"$%d\r\n%s\r\n" % (len(part), part)
        self.socket.sendall(request)
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b"$":
            length = int(rest)
            return None if length < 0 else self.file.read(length + 2)[:-2]
        raise RedisError(f"unexpected reply {line!r}")

    def close(self):
        self.file.close()
        self.socket.close()
