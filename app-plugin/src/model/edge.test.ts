import { describe, expect, it } from 'vitest';
import { checksOf, type EdgeDetail, judgeEdge, type Outcome, type Segment } from './edge.ts';
import { findFindings } from './findings.ts';
import { type Edge, type Overview, type SideFigures } from './overview.ts';

const figures: SideFigures = {
  protocol: 'http',
  requests: 1_000,
  errors: 0,
  timeouts: 0,
  resets: 0,
  mean: 10e6,
  p95: 20e6,
  requestsBefore: 3_000,
  errorsBefore: 0,
  meanBefore: 10e6,
  p95Before: 20e6,
};
const edge = (client: Partial<SideFigures>, server?: Partial<SideFigures>): Edge => ({
  source: 'shop',
  target: 'pay',
  protocol: 'http',
  client: { ...figures, ...client },
  server: server && { ...figures, ...server },
});
const overviewOf = (...edges: readonly Edge[]): Overview => ({
  services: [],
  edges,
  operations: [],
  windows: { nowFromMs: 300_000, nowToMs: 400_000, beforeFromMs: 0, beforeToMs: 300_000 },
});
const segment = (name: string, mean: number): Segment => ({
  segment: name,
  place: '',
  mean,
  meanBefore: mean,
  retransmissions: 0,
  retransmissionsBefore: 0,
  calls: 100,
  callsBefore: 300,
});
const FULL: EdgeDetail = {
  segments: [
    segment('clientStack', 40e3),
    segment('clientHost', 20e3),
    segment('wire', 90e3),
    segment('serverHost', 20e3),
    segment('serverStack', 30e3),
    segment('server', 9.8e6),
  ],
  outcomes: [],
};
const outcome = (over: Partial<Outcome>): Outcome => ({
  side: 'client',
  failed: true,
  failure: '',
  code: 0,
  message: '',
  calls: 100,
  callsBefore: 0,
  mean: 1e6,
  exampleId: 'ab',
  ...over,
});
const judge = (overview: Overview, detail: EdgeDetail = FULL) =>
  judgeEdge('shop', 'pay', overview, findFindings(overview), detail);
const causes = (overview: Overview, detail?: EdgeDetail) =>
  judge(overview, detail).stations.flatMap(({ name, verdict }) => (verdict === 'cause' ? [name] : []));

describe('verdict of an edge', () => {
  it('names the callee and what it answers where both sides saw the failures', () => {
    const overview = overviewOf(edge({ errors: 200 }, { errors: 200 }));
    const detail = { ...FULL, outcomes: [outcome({ code: 503 })] };
    expect(judge(overview, detail).title).toBe('The network is clean. pay itself answers 503');
    expect(causes(overview, detail)).toEqual(['pay']);
  });

  it('names the network where the callee answered none of the broken calls with an error', () => {
    const overview = overviewOf(edge({ errors: 200, resets: 200 }, { requests: 800 }));
    expect(judge(overview).title).toMatch(/^It is the network/);
    expect(causes(overview)).toEqual(['network']);
  });

  it('says "likely" of a callee that nothing watches', () => {
    const overview = overviewOf(edge({ errors: 200, resets: 200 }));
    expect(judge(overview).title).toMatch(/^Likely pay/);
  });

  it('sends on to the edge where it began', () => {
    const overview = overviewOf(edge({ errors: 200 }, { errors: 200 }), {
      ...edge({ errors: 200 }, { errors: 200 }),
      source: 'pay',
      target: 'bank',
    });
    expect(judge(overview).title).toMatch(/^pay only passes it on: bank/);
    expect(causes(overview)).toEqual([]);
  });

  it('tells a calm edge by its time and where that goes; the segments are the stations’', () => {
    const verdict = judge(overviewOf(edge({}, {})));
    expect(verdict).toMatchObject({ severity: 'ok', title: 'shop → pay works: 10 ms a call, 9.8 ms of it in pay' });
    expect(verdict.stations.map(({ detail }) => detail.split(',')[0])).toEqual([
      '40 µs',
      '20 µs',
      '90 µs',
      '50 µs',
      '9.8 ms',
    ]);
  });

  it('does not call clean what nobody saw', () => {
    const coarse = { segments: [segment('call', 10e6)], outcomes: [] };
    expect(judge(overviewOf(edge({})), coarse).stations.map(({ verdict }) => verdict)).toEqual([
      'unseen',
      'unseen',
      'unseen',
      'unseen',
      'clean',
    ]);
  });

  it('says so where there were no calls', () => {
    expect(judge(overviewOf()).title).toBe('shop did not call pay in this time range');
  });
});

it('marks what changed among what was compared', () => {
  const changed = checksOf(edge({ errors: 100 }, { mean: 90e6 }), overviewOf(), FULL);
  expect(changed.filter(({ isChanged }) => isChanged).map(({ name }) => name)).toEqual([
    'Failed, caller’s view',
    'Time in the callee',
  ]);
});
