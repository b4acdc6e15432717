import { formatAddress } from '@throughline/core';
import { describe, expect, it } from 'vitest';
import { parseDns } from './dns.ts';
import { DnsStreamParser } from './dnsStream.ts';
import { chunkOf, RecordingSink } from './testMessages.ts';

const parse = (bytes: readonly number[]) => parseDns(chunkOf(Uint8Array.from(bytes)));
const label = (text: string): number[] => [text.length, ...Buffer.from(text)];
const NAME = [...label('Shop'), ...label('test'), 0];
const question = (type: number): number[] => [...NAME, 0, type, 0, 1];
const header = (flags: number, answers: number): number[] => [
  0xab,
  0xcd,
  flags >> 8,
  flags & 255,
  0,
  1,
  0,
  answers,
  0,
  0,
  0,
  0,
];
const record = (name: readonly number[], type: number, data: readonly number[]): number[] => [
  ...name,
  ...[0, type, 0, 1, 0, 0, 0, 60, 0, data.length],
  ...data,
];

describe('parseDns', () => {
  it('reads a question', () => {
    expect(parse([...header(0x0100, 0), ...question(28)])!.message).toMatchObject({
      type: 'request',
      method: 'AAAA',
      target: 'shop.test',
      pairId: 0xabcd,
    });
  });

  it('gives the addresses to the name that was asked, through aliases and pointers', () => {
    const alias = record([0xc0, 12], 5, [...label('www'), 0xc0, 12]);
    const bytes = [...header(0x8180, 3), ...question(1), ...alias];
    const target = 12 + NAME.length + 4 + 12;
    const a = record([0xc0, target], 1, [10, 0, 0, 7]);
    const aaaa = record([0xc0, target], 28, [0xfd, ...Array<number>(14).fill(0), 1]);
    const { message, addresses } = parse([...bytes, ...a, ...aaaa])!;
    expect(message).toMatchObject({ type: 'response', responseCode: 0, isError: false });
    expect(addresses.map(({ address, name }) => [formatAddress(address), name])).toEqual([
      ['10.0.0.7', 'shop.test'],
      ['fd00::1', 'shop.test'],
    ]);
  });

  it.each([
    [2, 'SERVFAIL'],
    [3, 'NXDOMAIN'],
    [5, 'REFUSED'],
    [15, 'RCODE15'],
  ])('reports code %i as %s', (code, text) => {
    expect(parse([...header(0x8180 | code, 0), ...question(1)])!.message).toMatchObject({
      responseCode: code,
      statusMessage: text,
      isError: true,
    });
  });

  it.each([
    ['a pointer to itself', [...header(0, 0), 0xc0, 12, 0, 1, 0, 1]],
    ['a pointer onwards', [...header(0, 0), 0xc0, 14, 0xc0, 12, 0, 1, 0, 1]],
    ['a label beyond the end', [...header(0, 0), 63, 1, 2]],
    [
      'a name of more than 255 bytes',
      [
        ...header(0, 0),
        ...Array<number[]>(5)
          .fill(label('x'.repeat(60)))
          .flat(),
        0,
        0,
        1,
        0,
        1,
      ],
    ],
    ['less than a header', [1, 2, 3]],
  ])('refuses %s', (_, bytes) => {
    expect(parse(bytes)).toBeUndefined();
  });
});

describe('DnsStreamParser', () => {
  const framed = (...message: number[]): Uint8Array => Uint8Array.from([0, message.length, ...message]);
  const query = framed(...header(0x0100, 0), ...question(1));
  const answer = framed(...header(0x8180, 1), ...question(1), ...record([0xc0, 12], 1, [10, 0, 0, 7]));

  it('reads messages by their length and gives the addresses', () => {
    const found: string[] = [];
    const sink = new RecordingSink();
    const parser = new DnsStreamParser(sink, (addresses) => {
      found.push(...addresses.map(({ address, name }) => `${name} ${formatAddress(address)}`));
    });
    parser.onChunk(true, chunkOf(query, { sequence: 500 }));
    parser.onChunk(false, chunkOf(answer, { sequence: 900 }));
    expect(sink.messages).toMatchObject([
      { type: 'request', method: 'A', target: 'shop.test', pairId: 0xabcd, sequence: 500, bytes: query.length },
      { type: 'response', responseCode: 0, pairId: 0xabcd, sequence: 900, bytes: answer.length },
    ]);
    expect(found).toEqual(['shop.test 10.0.0.7']);
  });

  it('goes on at the next whole message after lost bytes', () => {
    const sink = new RecordingSink();
    const parser = new DnsStreamParser(sink, () => {});
    parser.onChunk(true, chunkOf(query.subarray(0, 9)));
    parser.onChunk(true, chunkOf(query.subarray(12), { lostBefore: 3 }));
    parser.onChunk(true, chunkOf(query));
    expect(sink.messages).toHaveLength(1);
    expect(sink.counts).toEqual({ dns_bytes_lost: 1 });
  });
});
