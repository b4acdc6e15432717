import { describe, expect, it } from 'vitest';
import { criticalPath } from './criticalPath.ts';
import { badgesOf, findingOf } from './finding.ts';
import { type TraceModel } from './model.ts';
import { type TestSpan, traceOf } from './testTrace.ts';

const sentence = (model: TraceModel): string =>
  findingOf(model, criticalPath(model))
    .map(({ text, style }) => (style === 'strong' || style === 'failed' ? `**${text}**` : text))
    .join('');

const process = { 'throughline.layer': 'process' };
const linked = { ...process, 'throughline.link.evidence': 'exchange', 'throughline.link.probability': 1 };

const checkout: TestSpan[] = [
  {
    id: 'a',
    name: 'POST /checkout',
    service: 'checkout',
    kind: 'server',
    at: 0,
    ms: 1_840,
    failed: true,
    tags: { ...process, 'throughline.response_code': 502 },
  },
  {
    id: 'b',
    parent: 'a',
    name: 'SELECT … FROM orders',
    service: 'checkout',
    kind: 'client',
    at: 10,
    ms: 1_306.4,
    tags: { ...linked, 'throughline.protocol': 'mysql', 'throughline.peer.name': 'orders-mysql' },
  },
  {
    id: 'c',
    parent: 'a',
    name: 'call payments',
    service: 'checkout',
    kind: 'client',
    at: 1_500,
    ms: 320,
    failed: true,
    tags: linked,
  },
  {
    id: 'd',
    parent: 'c',
    name: 'POST /authorize',
    service: 'payments',
    kind: 'server',
    at: 1_506,
    ms: 308,
    failed: true,
    tags: { ...linked, 'throughline.link.probability': 0.62 },
  },
];

describe('findingOf', () => {
  it('says what failed where, where the time went and what passed between processes', () => {
    expect(sentence(traceOf(checkout))).toBe(
      'POST /checkout **1.84 s**, failed **502 in payments**; **71 %** of the time in MySQL SELECT … FROM orders; ' +
        '**12.00 ms** between processes'
    );
  });

  it('tells the network from the stacks at its ends where interfaces saw the call', () => {
    const way = (stackNs: number) =>
      traceOf([
        {
          id: 'a',
          name: 'GET /',
          kind: 'client',
          at: 0,
          ms: 100,
          hops: [
            { kind: 'process', point: 'shop', host: 'n', requestNs: 0, responseNs: 100e6, retransmissions: 0 },
            { kind: 'interface', point: 'e', host: 'n', requestNs: stackNs, responseNs: 100e6, retransmissions: 0 },
            {
              kind: 'interface',
              point: 'f',
              host: 'm',
              requestNs: stackNs + 2e6,
              responseNs: 100e6,
              retransmissions: 0,
            },
          ],
        },
        { id: 'b', name: 'GET /', service: 'pay', kind: 'server', parent: 'a', at: 40, ms: 58 },
      ]);
    expect(sentence(way(30e6))).toBe(
      'GET / **100.0 ms**; **58 %** of the time in **pay** GET /; the network took **2.00 ms**, sockets and stacks **40.00 ms**'
    );
    const quick = traceOf([
      {
        id: 'a',
        name: 'GET /',
        kind: 'client',
        at: 0,
        ms: 100,
        hops: [
          { kind: 'interface', point: 'e', host: 'n', requestNs: 0, responseNs: 100e6, retransmissions: 0 },
          { kind: 'interface', point: 'f', host: 'm', requestNs: 2e6, responseNs: 100e6, retransmissions: 0 },
        ],
      },
    ]);
    expect(sentence(quick)).toBe('GET / **100.0 ms**; the network took **2.00 ms** of it');
  });

  it('names how the exchange failed where no code came', () => {
    const [root, ...rest] = checkout;
    const model = traceOf([{ ...root!, tags: { 'throughline.failure': 'reset_by_server' } }, ...rest]);
    expect(sentence(model)).toContain(', failed **reset by server in payments**;');
  });

  it('does not call a request failed that went well, and has no network clause where nothing tells', () => {
    const model = traceOf([
      { id: 'a', name: 'GET /', at: 0, ms: 10 },
      { id: 'b', name: 'retry', service: 'db', parent: 'a', at: 1, ms: 4, failed: true },
    ]);
    expect(sentence(model)).toBe(
      'GET / **10.00 ms**, **1 failed span in db** did not fail it; **60 %** of the time in **shop** GET / itself'
    );
  });

  it('does not blame one service for the errors of two', () => {
    const model = traceOf([
      { id: 'a', at: 0, ms: 10 },
      { id: 'b', service: 'db', parent: 'a', at: 1, ms: 4, failed: true },
      { id: 'c', service: 'cache', parent: 'a', at: 6, ms: 1, failed: true },
    ]);
    expect(sentence(model)).toContain('**2 failed spans in 2 services** did not fail it');
  });

  it('says nothing of nothing, and of one span no more than it is', () => {
    expect(sentence(traceOf([]))).toBe('');
    expect(sentence(traceOf([{ id: 'a', name: 'GET /', at: 0, ms: 10 }]))).toBe('GET / **10.00 ms**');
  });
});

describe('badgesOf', () => {
  const texts = (model: TraceModel, gaps: string[] = [], ageMs?: number) =>
    badgesOf(model, { gaps, complete: gaps.length === 0, ageMs }).map(({ kind, tone, text }) => [kind, tone, text]);

  it('counts links, certainty, services and calls, and warns of what is missing', () => {
    const model = traceOf([
      ...checkout,
      { id: 'e', parent: 'gone', service: 'audit', at: 1_700, ms: 1, tags: linked },
      { id: 'f', at: 1_800, ms: 1, tags: { 'throughline.link.evidence': 'one_of' }, oneOf: { a: 0.5, x: 0.5 } },
    ]);
    expect(texts(model, ['2 spans are missing', 'n4 was silent'])).toEqual([
      ['links', 'neutral', '3 of 5 links joined · 1 one of several · 1 without parent'],
      ['sure', 'neutral', '2 sure ≥ 0.9, 1 weak from 0.62'],
      ['sources', 'neutral', 'zero-code + SDK mixed'],
      ['size', 'neutral', '5 services · 3 calls'],
      ['complete', 'warning', '2 spans are missing, 1 more'],
    ]);
  });

  it('says nothing of evidence that nobody stated, and that young traces may grow', () => {
    const model = traceOf([
      { id: 'a', at: 0, ms: 10 },
      { id: 'b', parent: 'a', at: 0, ms: 10 },
    ]);
    expect(texts(model, [], 2_000)).toEqual([
      ['sources', 'neutral', 'SDK only'],
      ['size', 'neutral', '1 service · 0 calls'],
      ['complete', 'warning', 'still arriving'],
    ]);
    expect(texts(model, [], 60_000).at(-1)).toEqual(['complete', 'neutral', 'complete']);
  });
});
