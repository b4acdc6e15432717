"""MySQL connections for asyncio."""

import asyncio

from . import mysql_protocol as protocol


class Connection:
    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.statements = {}

    @classmethod
    async def open(cls, host, user, password, database):
        connection = cls(*await asyncio.open_connection(host, 3306))
        await connection.run(protocol.connect(user, password, database))
        return connection

    async def run(self, operation):
        received = None
        while True:
            try:
                wanted = operation.send(received)
            except StopIteration as done:
                return done.value
            received = None
            if wanted is protocol.RECEIVE:
                received = await self.receive()
            else:
                self.writer.write(wanted)
                await self.writer.drain()

    async def receive(self):
        header = await self.reader.readexactly(4)
        return await self.reader.readexactly(int.from_bytes(header[:3], "little"))

    async def query(self, sql):
        return await self.run(protocol.query(sql))

    async def execute(self, sql, values):
        if sql not in self.statements:
            self.statements[sql] = (await self.run(protocol.prepare(sql)))[0]
        return await self.run(protocol.execute(self.statements[sql], values))


class Pool:
    """At most `size` connections; callers wait for one, which is how coroutines come to share them."""

    def __init__(self, size, connect):
        self.connect = connect
        self.idle = []
        self.slots = asyncio.Semaphore(size)

    async def use(self, operation):
        async with self.slots:
            connection = self.idle.pop() if self.idle else await self.connect()
            try:
                result = await operation(connection)
            except BaseException:
                connection.writer.close()
                raise
            self.idle.append(connection)
            return result
