"""Pipelines, an inline command, nested arrays, a large value, errors."""
import socket
import time


def command(*words):
    parts = [b'*%d\r\n' % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else word.encode()
        parts.append(b'$%d\r\n%s\r\n' % (len(word), word))
    return b''.join(parts)


connection = socket.create_connection(('127.0.0.1', 6379))
for batch in (
    b'PING\r\n',
    command('SET', 'big', b'x' * 20000) + command('GET', 'big') + command('STRLEN', 'big'),
    command('LPUSH', 'list', 'a', 'b', 'c') + command('LRANGE', 'list', '0', '-1'),
    command('MULTI') + command('INCR', 'n') + command('LRANGE', 'list', '0', '1') + command('EXEC'),
    command('NOSUCH', 'command') + command('GET', 'list'),
    command('EVAL', "return {1,{2,{3,'x'}},false}", '0'),
):
    connection.sendall(batch)
    time.sleep(0.1)
    connection.recv(1 << 20)
connection.close()
