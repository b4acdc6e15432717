"""Queries over UDP and, two at a time, over TCP."""
import socket
import struct

TYPES = {'A': 1, 'AAAA': 28, 'MX': 15}


def query(number, name, kind):
    labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
    return struct.pack('>HHHHHH', number, 0x0100, 1, 0, 0, 0) + labels + b'\0' + struct.pack('>HH', TYPES[kind], 1)


questions = [('shop.test', 'A'), ('shop.test', 'MX'), ('alias.test', 'A'), ('alias.test', 'AAAA'), ('absent.test', 'A')]
for number, (name, kind) in enumerate(questions, 100):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(1)
    client.sendto(query(number, name, kind), ('127.0.0.1', 53))
    client.recv(4096)
client = socket.create_connection(('127.0.0.1', 53))
messages = [query(number, *question) for number, question in enumerate(questions[:3], 200)]
client.sendall(b''.join(struct.pack('>H', len(message)) + message for message in messages))
client.settimeout(1)
try:
    while client.recv(4096):
        pass
except TimeoutError:
    pass
client.close()
