import { describe, expect, it } from 'vitest';
import { type JoinExchange, Joiner } from '../index.ts';

let nextId = 1n;
function exchange(
  side: 'client' | 'server',
  startMs: number,
  endMs: number,
  over: Partial<JoinExchange> = {}
): JoinExchange {
  const id = nextId++;
  return {
    spanId: id,
    exchangeId: side === 'client' ? id : id + 1_000_000n,
    side,
    startNs: startMs * 1e6,
    endNs: endMs * 1e6,
    processKey: 'p',
    tid: 0,
    responseTid: 0,
    endpoint: side === 'client' ? 'call' : 'request',
    traceId: '',
    parentSpanId: '',
    requestId: '',
    responseRequestId: '',
    requestIngressId: 0,
    responseIngressId: 0,
    answerId: 0,
    birthId: 0,
    ...over,
  };
}

function join(exchanges: readonly JoinExchange[], joiner = new Joiner()) {
  for (const each of exchanges) if (each.side === 'server') joiner.open(each);
  for (const each of exchanges) joiner.add(each);
  // Later than any window, sooner than a process is forgotten.
  const nowNs = Math.max(...exchanges.map(({ endNs }) => endNs)) + 2e9;
  return new Map(joiner.flush(nowNs).map(({ exchange: { spanId }, link }) => [spanId, link]));
}

describe('Joiner', () => {
  it('links the server side to its own exchange', () => {
    const request = exchange('server', 0, 10);
    expect(join([request]).get(request.spanId)).toMatchObject({
      parentSpanId: request.exchangeId,
      evidence: 'exchange',
    });
  });

  it('links to the only open request, and says none where none is open', () => {
    const request = exchange('server', 0, 10);
    const call = exchange('client', 2, 8);
    const alone = exchange('client', 20, 21, { endpoint: 'timer' });
    const links = join([request, call, alone]);
    expect(links.get(call.spanId)).toMatchObject({
      parentSpanId: request.spanId,
      evidence: 'only_open',
      candidateCount: 1,
    });
    expect(links.get(alone.spanId)).toMatchObject({ parentSpanId: 0n, evidence: 'none', candidateCount: 0 });
  });

  it('never crosses processes', () => {
    const request = exchange('server', 0, 10, { processKey: 'other' });
    const call = exchange('client', 2, 8);
    expect(join([request, call]).get(call.spanId)).toMatchObject({ evidence: 'none' });
  });

  it('says one of N and draws no link where nothing tells requests apart', () => {
    const requests = [0, 1, 2].map((ms) => exchange('server', ms, 20));
    const call = exchange('client', 5, 8);
    const link = join([...requests, call]).get(call.spanId)!;
    expect(link).toMatchObject({ parentSpanId: 0n, evidence: 'one_of', candidateCount: 3 });
    expect(link.candidates.map(({ spanId }) => spanId)).toEqual(requests.map(({ spanId }) => spanId));
  });

  it('lets ids on the wire decide over every pointer', () => {
    const ids = { traceId: 'a'.repeat(32), parentSpanId: 'b'.repeat(16) };
    const wanted = exchange('server', 0, 20, ids);
    const other = exchange('server', 1, 20, { tid: 7, requestIngressId: 5 });
    const call = exchange('client', 5, 8, { ...ids, tid: 7, requestIngressId: 5 });
    expect(join([wanted, other, call]).get(call.spanId)).toMatchObject({
      parentSpanId: wanted.spanId,
      evidence: 'trace_context',
    });
  });

  it("takes an SDK's span that no request carried as the parent", () => {
    const call = exchange('client', 5, 8, { traceId: 'a'.repeat(32), parentSpanId: '00000000000000ff' });
    const request = exchange('server', 0, 20);
    expect(join([request, call]).get(call.spanId)).toMatchObject({
      parentSpanId: 255n,
      evidence: 'trace_context',
      probability: 1,
    });
  });

  it('follows an X-Request-ID that the process made and shows only in its answer', () => {
    const wanted = exchange('server', 0, 20, { responseRequestId: 'r1' });
    const other = exchange('server', 1, 20, { responseRequestId: 'r2' });
    const call = exchange('client', 5, 8, { requestId: 'r1' });
    expect(join([wanted, other, call]).get(call.spanId)).toMatchObject({
      parentSpanId: wanted.spanId,
      evidence: 'request_id',
    });
  });

  const onThreads = (responseTidOf: (tid: number) => number) => {
    const joiner = new Joiner();
    for (let i = 0; i < 20; i++) {
      const tid = 1 + (i % 4);
      join([exchange('server', -1000 + i * 10, -995 + i * 10, { tid, responseTid: responseTidOf(tid) })], joiner);
    }
    const first = exchange('server', 0, 20, { tid: 1, requestIngressId: 11 });
    const second = exchange('server', 1, 20, { tid: 2, requestIngressId: 12 });
    const call = exchange('client', 5, 8, { tid: 2, requestIngressId: 12, responseIngressId: 13 });
    const next = exchange('client', 9, 10, { tid: 2, requestIngressId: 13 });
    const links = join([first, second, call, next], joiner);
    return { second, links: [links.get(call.spanId)!, links.get(next.spanId)!] };
  };

  it('believes the thread in a process whose requests stay on their thread', () => {
    const { second, links } = onThreads((tid) => tid);
    for (const link of links) expect(link).toMatchObject({ parentSpanId: second.spanId, evidence: 'ingress' });
  });

  it('does not where requests move between threads', () => {
    const { links } = onThreads((tid) => (tid % 4) + 1);
    for (const link of links) expect(link).toMatchObject({ parentSpanId: 0n, evidence: 'one_of' });
  });

  it('gives candidates that share no more than certainty', () => {
    const { links } = onThreads((tid) => tid);
    for (const { candidates } of links) {
      expect(candidates.reduce((sum, { probability }) => sum + probability, 0)).toBeLessThanOrEqual(1 + 1e-9);
    }
  });

  it('says none, not "one of 1", for a call that comes without a request as often', () => {
    const joiner = new Joiner();
    for (let i = 0; i < 5; i++) join([exchange('client', -100 + i, -99 + i, { endpoint: 'timer' })], joiner);
    const request = exchange('server', 0, 10);
    const call = exchange('client', 2, 8, { endpoint: 'timer' });
    expect(join([request, call], joiner).get(call.spanId)).toMatchObject({
      parentSpanId: 0n,
      evidence: 'none',
      candidateCount: 1,
    });
  });

  it('takes no id that is none', () => {
    const call = exchange('client', 2, 8, { traceId: 'x', parentSpanId: 'not hex' });
    expect(join([call]).get(call.spanId)).toMatchObject({ evidence: 'none' });
  });

  it('does not believe the ingress id of an event loop before it has learned to', () => {
    const open = [0, 1].map((ms) => exchange('server', ms, 20, { tid: 1, requestIngressId: 20 + ms }));
    const call = exchange('client', 5, 8, { tid: 1, requestIngressId: 21 });
    expect(join([...open, call]).get(call.spanId)).toMatchObject({ evidence: 'one_of', parentSpanId: 0n });
  });

  it.each([
    { isRight: true, evidence: 'ingress' },
    { isRight: false, evidence: 'one_of' },
  ])('learns from ids how far an ingress id can be trusted: $isRight', ({ isRight, evidence }) => {
    const joiner = new Joiner();
    for (let i = 0; i < 40; i++) {
      const at = i * 100;
      const a = exchange('server', at, at + 20, { tid: 1, requestId: `a${i}`, requestIngressId: 100 + 2 * i });
      const b = exchange('server', at + 1, at + 20, { tid: 1, requestId: `b${i}`, requestIngressId: 101 + 2 * i });
      const call = exchange('client', at + 5, at + 8, {
        tid: 1,
        requestId: `a${i}`,
        requestIngressId: (isRight ? 100 : 101) + 2 * i,
      });
      join([a, b, call], joiner);
    }
    const a = exchange('server', 9000, 9020, { tid: 1, requestIngressId: 1000 });
    const b = exchange('server', 9001, 9020, { tid: 1, requestIngressId: 1001 });
    const call = exchange('client', 9005, 9008, { tid: 1, requestIngressId: 1000 });
    expect(join([a, b, call], joiner).get(call.spanId)).toMatchObject({
      evidence,
      parentSpanId: isRight ? a.spanId : 0n,
    });
  });

  it('waits for open requests no longer than its window', () => {
    const joiner = new Joiner({ windowNs: 1e9 });
    const call = exchange('client', 5, 8);
    joiner.open(exchange('server', 0, 0));
    joiner.add(call);
    expect(joiner.flush(10e6)).toEqual([]);
    expect(joiner.flush(1.1e9)).toHaveLength(1);
  });

  it('holds no more than it may', () => {
    const joiner = new Joiner({ maxPerProcess: 10 });
    for (let i = 0; i < 100; i++) joiner.open(exchange('server', i, i));
    expect(joiner.sizes()['join_requests']).toBe(10);
    expect(joiner.drops['join_requests_evicted']).toBe(90);
  });
});
