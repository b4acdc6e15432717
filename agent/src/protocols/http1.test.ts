import { describe, expect, it } from 'vitest';
import { Http1Parser } from './http1.ts';
import { chunkOf, client, converse, RecordingSink, server, type Turn } from './testMessages.ts';

const run = (...turns: Turn[]): RecordingSink => converse((sink) => new Http1Parser(sink), turns);
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';

describe('Http1Parser', () => {
  it('reads keep-alive requests with their ranges', () => {
    const { messages } = run(client(GET), server(OK), client(GET), server(OK));
    expect(messages.map(({ type, sequence, sequenceEnd }) => [type, sequence, sequenceEnd])).toEqual([
      ['request', 1000, 1000 + GET.length],
      ['response', 1000, 1000 + OK.length],
      ['request', 1000 + GET.length, 1000 + 2 * GET.length],
      ['response', 1000 + OK.length, 1000 + 2 * OK.length],
    ]);
  });

  it('separates pipelined requests and answers, and keeps the prefix within the message', () => {
    const { messages } = run(client(GET, GET), server(OK, OK));
    expect(messages.map(({ type }) => type)).toEqual(['request', 'request', 'response', 'response']);
    expect(messages[0]!.prefixLength).toBe(GET.length);
  });

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 200],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', 304],
    [
      'GET',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n',
      201,
    ],
    ['GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nA-Trailer: b\r\n\r\n', 200],
  ])('knows where the answer to %s ends: %j', (method, answer, code) => {
    const { messages } = run(client(`${method} / HTTP/1.1\r\n\r\n`), server(answer, OK));
    const responses = messages.filter(({ type }) => type === 'response');
    expect(responses.map(({ responseCode }) => responseCode)).toEqual([code, 200]);
    expect(responses[1]!.bytes).toBe(OK.length);
  });

  it('reads until the connection closes where no length is given', () => {
    const { messages } = run(client(GET), server('HTTP/1.0 200 OK\r\n\r\n', 'all', ' the rest'));
    expect(messages[1]).toMatchObject({ version: '1.0', responseCode: 200, bytes: 19 + 12 });
  });

  it.each([
    ['GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['CONNECT a:443 HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 Connection established\r\n\r\n'],
  ])('does not read on after %j', (request, answer) => {
    const sink = run(client(request), server(answer), client(GET), server(OK));
    expect(sink.messages).toHaveLength(2);
    expect(sink.counts).toEqual({});
  });

  it.each([
    ['traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '0af7651916cd43dd8448eb211c80319c'],
    ['b3: 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1', '0af7651916cd43dd8448eb211c80319c'],
    ['X-B3-TraceId: 8448eb211c80319c\r\nX-B3-SpanId: b7ad6b7169203331', '00000000000000008448eb211c80319c'],
  ])('reads trace context: %s', (field, traceId) => {
    const [request] = run(client(`GET / HTTP/1.1\r\n${field}\r\n\r\n`)).messages;
    expect(request).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331' });
  });

  it.each(['traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01', 'traceparent: rubbish', 'b3: 0'])(
    'refuses %s',
    (field) => {
      expect(run(client(`GET / HTTP/1.1\r\n${field}\r\n\r\n`)).messages[0]!.traceId).toBe('');
    }
  );

  it('joins folded lines, takes the host of the absolute form, templates and redacts the target', () => {
    const head =
      'GET http://shop.example/orders/17/items/6ba7b810-9dad-11d1-80b4-00c04fd430c8?card=4111&b HTTP/1.1\r\n' +
      'Host: other\r\nX-Request-ID: a\r\n b\r\n\r\n';
    expect(run(client(head)).messages[0]).toMatchObject({
      host: 'shop.example',
      endpoint: '/orders/{id}/items/{id}',
      target: '/orders/17/items/6ba7b810-9dad-11d1-80b4-00c04fd430c8?card=?&b',
      requestId: 'a b',
    });
  });

  it('skips bytes that were not captured inside a body of known length', () => {
    const sink = new RecordingSink();
    const parser = new Http1Parser(sink);
    const head = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
    parser.onChunk(true, chunkOf(Buffer.from(GET)));
    parser.onChunk(false, chunkOf(head, { length: head.length + 400 }));
    parser.onChunk(false, chunkOf(Buffer.alloc(100), { sequence: head.length + 900, lostBefore: 500 }));
    expect(sink.messages[1]).toMatchObject({ bytes: head.length + 1000, truncated: false });
    expect(sink.counts).toEqual({});
  });

  it('goes on at the next message after a head that was not captured', () => {
    const sink = new RecordingSink();
    const parser = new Http1Parser(sink);
    parser.onChunk(true, chunkOf(Buffer.from('GET /a HTTP/1.1\r\nCookie: '), { length: 5000 }));
    parser.onChunk(true, chunkOf(Buffer.from('GET /b HTTP/1.1\r\n\r\n'), { sequence: 5000 }));
    expect(sink.messages.map(({ target, truncated }) => [target, truncated])).toEqual([
      ['/a', true],
      ['/b', false],
    ]);
  });

  it('tells of a request whose head stayed incomplete when its answer comes, and at the end', () => {
    const sink = new RecordingSink();
    const parser = new Http1Parser(sink);
    parser.onChunk(true, chunkOf(Buffer.from('GET /a HTTP/1.1\r\nHost: shop\r\nCookie: abc')));
    parser.onChunk(false, chunkOf(Buffer.from('HTTP/1.1 431 Too Large\r\nContent-Length: 0\r\n\r\n')));
    parser.onChunk(true, chunkOf(Buffer.from('GET /b HTTP/1.1\r\nX'), { sequence: 100 }));
    parser.onEnd();
    expect(sink.messages).toMatchObject([
      { target: '/a', host: 'shop', truncated: true },
      { responseCode: 431, truncated: false },
      { target: '/b', truncated: true },
    ]);
  });

  it('ends an answer of unknown length when nothing comes', () => {
    const sink = new RecordingSink();
    const parser = new Http1Parser(sink);
    parser.onChunk(true, chunkOf(Buffer.from(GET)));
    parser.onChunk(false, chunkOf(Buffer.from('HTTP/1.1 200 OK\r\nSet-Cookie: a'), { length: 5000 }));
    expect(sink.messages).toHaveLength(1);
    parser.onIdle();
    expect(sink.messages[1]).toMatchObject({ responseCode: 200, truncated: true });
  });

  it.each([
    ['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234', true],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123', true],
    ['HTTP/1.1 200 OK\r\n\r\n1234', false],
  ])('knows an answer that is cut off: %j', (response, isCutOff) => {
    const { messages } = converse((sink) => new Http1Parser(sink), [client(GET), server(response)]);
    expect(messages[1]).toMatchObject({ responseCode: 200, isCutOff, truncated: isCutOff });
  });

  it('tells that a request began as soon as its first 64 bytes and its head are known', () => {
    const sink = new RecordingSink();
    const head = 'POST /long HTTP/1.1\r\nContent-Length: 100\r\nX: ' + 'x'.repeat(40) + '\r\n\r\n';
    new Http1Parser(sink).onChunk(true, chunkOf(Buffer.from(head)));
    expect(sink.started).toHaveLength(1);
    expect(sink.messages).toHaveLength(0);
  });
});
