"""The part of MySQL's client protocol the shop speaks, without I/O.

Each operation is a generator: it yields bytes to send, or RECEIVE to be given the next packet's payload, and returns
its result. A blocking and an asyncio connection drive the same generators (mysql.py, mysql_async.py).
https://mariadb.com/kb/en/clientserver-protocol/
"""

import hashlib
import struct

RECEIVE = object()

CLIENT_LONG_PASSWORD = 1
CLIENT_CONNECT_WITH_DB = 8
CLIENT_PROTOCOL_41 = 512
CLIENT_TRANSACTIONS = 8192
CLIENT_SECURE_CONNECTION = 32768
CLIENT_PLUGIN_AUTH = 1 << 19

COM_QUERY = 3
COM_STMT_PREPARE = 22
COM_STMT_EXECUTE = 23

TYPE_LONGLONG = 8
TYPE_VAR_STRING = 253
FIXED_INTEGERS = {1: "<b", 2: "<h", 3: "<i", 8: "<q"}


class MysqlError(Exception):
    """An ERR packet: the server refused the statement."""


def frame(payload, sequence):
    return struct.pack("<I", len(payload))[:3] + bytes([sequence]) + payload


def length_encoded(data, at):
    """Returns (value, next offset); value is None for SQL NULL in a text row."""
    first = data[at]
    if first < 251:
        return first, at + 1
    if first == 251:
        return None, at + 1
    size = {252: 2, 253: 3, 254: 8}[first]
    return int.from_bytes(data[at + 1 : at + 1 + size], "little"), at + 1 + size


def length_encoded_bytes(data, at):
    length, at = length_encoded(data, at)
    if length is None:
        return None, at
    return data[at : at + length], at + length


def native_password(password, scramble):
    first = hashlib.sha1(password.encode()).digest()
    second = hashlib.sha1(scramble + hashlib.sha1(first).digest()).digest()
    return bytes(a ^ b for a, b in zip(first, second))


def check(packet):
    if packet[0] == 0xFF:
        code = struct.unpack_from("<H", packet, 1)[0]
        raise MysqlError(f"{code} {packet[9:].decode(errors='replace')}")
    return packet


def connect(user, password, database):
    greeting = check((yield RECEIVE))
    at = greeting.index(0, 1) + 1 + 4
    scramble = greeting[at : at + 8] + greeting[at + 27 : at + 39]
    flags = (
        CLIENT_LONG_PASSWORD
        | CLIENT_CONNECT_WITH_DB
        | CLIENT_PROTOCOL_41
        | CLIENT_TRANSACTIONS
        | CLIENT_SECURE_CONNECTION
        | CLIENT_PLUGIN_AUTH
    )
    answer = native_password(password, scramble)
    login = struct.pack("<IIB23x", flags, 1 << 24, 45) + user.encode() + b"\0"
    login += bytes([len(answer)]) + answer + database.encode() + b"\0mysql_native_password\0"
    yield frame(login, 1)
    packet = check((yield RECEIVE))
    if packet[0] != 0:
        raise MysqlError(f"unexpected answer to the login (packet type {packet[0]})")


def query(sql):
    """Text protocol. Returns rows as lists of str or None; an empty list for a statement without a result."""
    yield frame(bytes([COM_QUERY]) + sql.encode(), 0)
    return (yield from result(text_row))


def prepare(sql):
    """Returns (statement id, number of parameters)."""
    yield frame(bytes([COM_STMT_PREPARE]) + sql.encode(), 0)
    packet = check((yield RECEIVE))
    statement, columns, parameters = struct.unpack_from("<xIHH", packet)
    for definitions in (parameters, columns):
        if definitions:
            for _ in range(definitions + 1):  # the definitions and their EOF
                yield RECEIVE
    return statement, parameters


def execute(statement, values):
    """Binary protocol; parameters are int or str. Returns rows as lists of int, str or None."""
    body = struct.pack("<BIBI", COM_STMT_EXECUTE, statement, 0, 1)
    if values:
        types, data = b"", b""
        for value in values:
            if isinstance(value, int):
                types += struct.pack("<H", TYPE_LONGLONG)
                data += struct.pack("<q", value)
            else:
                text = value.encode()
                if len(text) > 250:
                    raise ValueError(f"parameter of {len(text)} bytes: the shop sends at most 250")
                types += struct.pack("<H", TYPE_VAR_STRING)
                data += bytes([len(text)]) + text
        body += bytes((len(values) + 7) // 8) + b"\1" + types + data
    yield frame(body, 0)
    return (yield from result(binary_row))


def result(parse_row):
    packet = check((yield RECEIVE))
    if packet[0] == 0:
        return []
    column_count, _ = length_encoded(packet, 0)
    types = []
    for _ in range(column_count):
        types.append(column_type((yield RECEIVE)))
    yield RECEIVE  # EOF after the definitions
    rows = []
    while True:
        packet = check((yield RECEIVE))
        if packet[0] == 0xFE and len(packet) < 9:
            return rows
        rows.append(parse_row(packet, types))


def column_type(definition):
    at = 0
    for _ in range(6):  # catalog, schema, table, original table, name, original name
        _, at = length_encoded_bytes(definition, at)
    return definition[at + 1 + 2 + 4]


def text_row(packet, types):
    row, at = [], 0
    for _ in types:
        value, at = length_encoded_bytes(packet, at)
        row.append(None if value is None else value.decode())
    return row


def binary_row(packet, types):
    null_bitmap = packet[1 : 1 + (len(types) + 9) // 8]
    at = 1 + len(null_bitmap)
    row = []
    for index, kind in enumerate(types):
        bit = index + 2
        if null_bitmap[bit // 8] >> (bit % 8) & 1:
            row.append(None)
        elif kind in FIXED_INTEGERS:
            value = struct.unpack_from(FIXED_INTEGERS[kind], packet, at)[0]
            at += struct.calcsize(FIXED_INTEGERS[kind])
            row.append(value)
        else:
            value, at = length_encoded_bytes(packet, at)
            row.append(value.decode())
    return row
