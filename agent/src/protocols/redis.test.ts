import { describe, expect, it } from 'vitest';
import { RedisParser } from './redis.ts';
import { chunkOf, client, converse, RecordingSink, server, type Turn } from './testMessages.ts';

const run = (...turns: Turn[]): RecordingSink => converse((sink) => new RedisParser(sink), turns);
const GET = '*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n';
const responsesOf = (sink: RecordingSink) => sink.messages.filter(({ type }) => type === 'response');

describe('RedisParser', () => {
  it('names the command and its key, and keeps the value', () => {
    const sink = run(client('*3\r\n$3\r\nset\r\n$4\r\nuser\r\n$6\r\nsecret\r\n'), server('+OK\r\n'));
    expect(sink.messages[0]).toMatchObject({ method: 'SET', endpoint: 'SET', target: 'SET user' });
    expect(sink.messages[1]).toMatchObject({ isError: false, bytes: 5 });
  });

  it.each(['*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$2\r\npw\r\n', 'AUTH pw\r\n'])('keeps secrets: %j', (request) => {
    expect(run(client(request)).messages[0]!.target).toBe('AUTH');
  });

  it('reads inline commands and pipelines', () => {
    const sink = run(client('PING\r\n', GET, GET), server('+PONG\r\n', '$-1\r\n', '$3\r\nabc\r\n'));
    expect(sink.messages.map(({ method, bytes }) => [method, bytes])).toEqual([
      ['PING', 6],
      ['GET', GET.length],
      ['GET', GET.length],
      ['', 7],
      ['', 5],
      ['', 9],
    ]);
  });

  it.each([
    ['nested arrays', '*2\r\n*2\r\n:1\r\n$-1\r\n*0\r\n'],
    ['a map', '%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n'],
    ['a set, a double, a boolean, null, a big number', '~4\r\n,1.5\r\n#t\r\n_\r\n(34928903284\r\n'],
    ['verbatim text', '=7\r\ntxt:abc\r\n'],
    ['a string with line ends in it', '$8\r\na\r\n+b\r\nc\r\n'],
  ])('takes %s as one answer', (_, answer) => {
    const responses = responsesOf(run(client(GET), server(answer, '+next\r\n')));
    expect(responses.map(({ bytes }) => bytes)).toEqual([answer.length, 7]);
  });

  it('does not take a push for an answer', () => {
    const push = '>3\r\n+message\r\n+channel\r\n$2\r\nhi\r\n';
    expect(responsesOf(run(client(GET), server(push, '+OK\r\n'))).map(({ bytes }) => bytes)).toEqual([5]);
  });

  it('reports errors, of both versions', () => {
    const sink = run(client(GET, GET), server("-ERR unknown command 'x'\r\n", '!5\r\nOOPSy\r\n'));
    expect(responsesOf(sink).map(({ isError, statusMessage }) => [isError, statusMessage])).toEqual([
      [true, 'ERR unknown command ?'],
      [true, ''],
    ]);
  });

  it('skips what was not captured of a long string', () => {
    const sink = new RecordingSink();
    const parser = new RedisParser(sink);
    parser.onChunk(true, chunkOf(Buffer.from(GET)));
    parser.onChunk(false, chunkOf(Buffer.from('$5000\r\nabc'), { length: 3000 }));
    parser.onChunk(false, chunkOf(Buffer.from('yz\r\n+next\r\n'), { lostBefore: 7 + 5000 - 3000 - 2, sequence: 5005 }));
    expect(responsesOf(sink).map(({ truncated }) => truncated)).toEqual([false, false]);
    expect(sink.counts).toEqual({});
  });

  it('answers a request whose answer was not captured when the next request comes, and pairs the next rightly', () => {
    const sink = new RecordingSink();
    const parser = new RedisParser(sink);
    parser.onChunk(true, chunkOf(Buffer.from(GET)));
    parser.onChunk(false, chunkOf(Buffer.from('*2000\r\n$3\r\nabc\r\n$3\r\n'), { length: 4000 }));
    parser.onChunk(false, chunkOf(Buffer.from('$3\r\nabc\r\n'), { length: 4000, sequence: 4000 }));
    expect(responsesOf(sink)).toHaveLength(0);
    parser.onChunk(true, chunkOf(Buffer.from('PING\r\n'), { sequence: GET.length }));
    parser.onChunk(false, chunkOf(Buffer.from('+PONG\r\n'), { sequence: 8000 }));
    expect(responsesOf(sink).map(({ truncated, bytes }) => [truncated, bytes])).toEqual([
      [true, 8000],
      [false, 7],
    ]);
  });
});
