"""Requests that need care: keep-alive, pipelining, HEAD, chunked both ways, 100-continue, HTTP/1.0, an error, a large answer."""
import socket


def talk(*requests, host='127.0.0.1', port=80):
    connection = socket.create_connection((host, port))
    for request in requests:
        connection.sendall(request)
        connection.settimeout(0.4)
        try:
            while connection.recv(65536):
                pass
        except TimeoutError:
            pass
    connection.close()


H = b'Host: shop.test\r\n'
TRACE = b'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n'
talk(b'GET /hello?who=me&n=1 HTTP/1.1\r\n' + H + TRACE + b'\r\n', b'HEAD /large/ HTTP/1.1\r\n' + H + b'\r\n', b'GET /large/ HTTP/1.1\r\n' + H + b'\r\n')
talk(b''.join(b'GET /%s HTTP/1.1\r\n' % path + H + b'\r\n' for path in (b'hello', b'missing', b'moved', b'busy', b'hello')))
talk(b'GET /chunked HTTP/1.1\r\nAccept-Encoding: gzip\r\n' + H + b'\r\n', b'GET /hello HTTP/1.1\r\n' + H + b'\r\n')
talk(b'POST /hello HTTP/1.1\r\n' + H + b'Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n')
talk(b'POST /hello HTTP/1.1\r\n' + H + b'Content-Length: 5\r\nExpect: 100-continue\r\n\r\n', b'abcde')
talk(b'GET /hello HTTP/1.0\r\n\r\n')
talk(b'GET /hel', b'lo HTTP/1.1\r\nHo', b'st: shop.test\r\nConnection: close\r\n\r\n')
talk(b'NONSENSE\r\n\r\n')
