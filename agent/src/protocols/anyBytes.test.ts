import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Chunk } from '../flows/ByteStream.ts';
import { parseDns } from './dns.ts';
import { DnsStreamParser } from './dnsStream.ts';
import { Http1Parser } from './http1.ts';
import { type MessageSink, type ProtocolParser } from './message.ts';
import { MysqlParser } from './mysql.ts';
import { RedisParser } from './redis.ts';
import { chunkOf, client, converse, RecordingSink, server, type Turn } from './testMessages.ts';

interface Subject {
  readonly make: (sink: MessageSink) => ProtocolParser;
  readonly turns: readonly Turn[];
}

const httpTurns = [
  client(
    'POST /orders/12?a=b HTTP/1.1\r\nHost: shop\r\nX-Long: ' + 'x'.repeat(60) + '\r\nContent-Length: 5\r\n\r\nhello'
  ),
  server(
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: x\r\n\r\n'
  ),
  client('HEAD / HTTP/1.1\r\n\r\nGET /two HTTP/1.1\r\n\r\n'),
  server('HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n'),
];
const redisTurns = [
  client('*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\na\r\nbc\r\nPING\r\n'),
  server('+OK\r\n>2\r\n+a\r\n:1\r\n-ERR no\r\n'),
  client('*2\r\n$6\r\nLRANGE\r\n$1\r\nk\r\n'),
  server('*3\r\n$2\r\nab\r\n*1\r\n:1\r\n%1\r\n+a\r\n_\r\n'),
];
const mysqlTurns = [
  client([9, 0, 0, 0, 3], 'select 1'),
  server(
    [1, 0, 0, 1, 1],
    [2, 0, 0, 2, 3, 0x64],
    [5, 0, 0, 3, 0xfe, 0, 0, 2, 0],
    [2, 0, 0, 4, 1, 0x31],
    [5, 0, 0, 5, 0xfe, 0, 0, 2, 0]
  ),
  client([1, 0, 0, 0, 0x0e]),
  server([7, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]),
];

const dnsQuestion = [...Buffer.from('\x04shop\x04test\0'), 0, 1, 0, 1];
const dnsQuery = (id: number): number[] => [0, 27, 0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...dnsQuestion];
const dnsAnswer = (id: number): number[] => [0, 27, 0, id, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0, ...dnsQuestion];
const dnsTurns = [client(dnsQuery(1), dnsQuery(2)), server(dnsAnswer(2), dnsAnswer(1))];

const subjects: readonly (readonly [string, Subject])[] = [
  ['http', { make: (sink) => new Http1Parser(sink), turns: httpTurns }],
  ['redis', { make: (sink) => new RedisParser(sink), turns: redisTurns }],
  ['dns over tcp', { make: (sink) => new DnsStreamParser(sink, () => {}), turns: dnsTurns }],
  ['mysql', { make: (sink) => new MysqlParser(sink, true), turns: mysqlTurns }],
];

function feedAll(make: Subject['make'], chunks: readonly (readonly [boolean, Chunk])[]): RecordingSink {
  const sink = new RecordingSink();
  const parser = make(sink);
  for (const [isFromClient, chunk] of chunks) parser.onChunk(isFromClient, chunk);
  parser.onEnd(0);
  return sink;
}

const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 });

describe.each(subjects)('%s', (_, { make, turns }) => {
  const expected = converse(make, turns).seen();

  it('has a conversation to look at', () => {
    expect(expected.filter(({ type }) => type === 'request').length).toBeGreaterThanOrEqual(2);
    expect(expected.filter(({ type }) => type === 'response').length).toBeGreaterThanOrEqual(2);
  });

  it('gives the same messages however the stream is cut', () => {
    fc.assert(
      fc.property(cuts, (lengths) => {
        expect(converse(make, turns, lengths).seen()).toEqual(expected);
      })
    );
  });

  it('tells of each request once that it began, before it is whole, with its final id', () => {
    fc.assert(
      fc.property(cuts, (lengths) => {
        const { started, messages } = converse(make, turns, lengths);
        expect(started).toEqual(messages.filter(({ type }) => type === 'request'));
      })
    );
  });

  it('survives flipped bits, lost bytes and uncaptured tails', () => {
    const damage = fc.record({
      at: fc.nat(500),
      bit: fc.integer({ min: 0, max: 7 }),
      lostBefore: fc.constantFrom(0, 0, 0, 1, 700, 1 << 24),
      captured: fc.nat(200),
    });
    fc.assert(
      fc.property(fc.array(damage, { minLength: turns.length, maxLength: turns.length }), (damages) => {
        const chunks = turns.map(({ from, bytes }, i): readonly [boolean, Chunk] => {
          const { at, bit, lostBefore, captured } = damages[i]!;
          const damaged = bytes.slice();
          damaged[at % damaged.length]! ^= 1 << bit;
          return [from === 'client', chunkOf(damaged.subarray(0, captured), { length: damaged.length, lostBefore })];
        });
        const { messages } = feedAll(make, chunks);
        expect(messages.length).toBeLessThan(200);
      }),
      { numRuns: 500 }
    );
  });

  it('survives any bytes', () => {
    const alphabet = fc.constantFrom(...Buffer.from('\r\n*$+-:%>~0123456789 GETPOSTHTTP/1.1\0\xff\xfe\x03', 'latin1'));
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(alphabet, { maxLength: 300 }).map((bytes) => Uint8Array.from(bytes))
    );
    const chunk = fc.tuple(fc.boolean(), piece, fc.nat(50), fc.constantFrom(0, 0, 3, 100_000));
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 20 }), (pieces) => {
        const total = pieces.reduce((sum, [, bytes, beyond]) => sum + bytes.length + beyond, 0);
        const { messages } = feedAll(
          make,
          pieces.map(([isFromClient, bytes, beyond, lostBefore]) => [
            isFromClient,
            chunkOf(bytes, { length: bytes.length + beyond, lostBefore }),
          ])
        );
        expect(messages.length).toBeLessThanOrEqual(2 * total);
        for (const message of messages) expect(message.prefixLength).toBeLessThanOrEqual(64);
      }),
      { numRuns: 500 }
    );
  });
});

describe('dns', () => {
  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(parseDns(chunkOf(bytes))?.addresses.length ?? 0).toBeLessThanOrEqual(64);
      }),
      { numRuns: 1000 }
    );
  });
});
