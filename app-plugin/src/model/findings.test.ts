import { type DataFrame } from '@grafana/data';
import { describe, expect, it } from 'vitest';
import { shortStatement } from '@throughline/viz';
import { findFindings, headline, serviceState } from './findings.ts';
import { type Edge, type Operation, type Overview, readOverview, type SideFigures } from './overview.ts';
import { serviceFinding } from './service.ts';
import resets from './testdata/resets.json';
import slowSql from './testdata/slow-sql.json';
import wrongUpstream from './testdata/wrong-upstream.json';

interface RecordedFrame {
  readonly name: string;
  readonly custom: object;
  readonly fields: Readonly<Record<string, readonly unknown[]>>;
}

function recorded(frames: readonly object[]): Overview {
  return readOverview(
    (frames as readonly RecordedFrame[]).map(
      (frame) =>
        ({
          name: frame.name,
          meta: { custom: frame.custom },
          length: Object.values(frame.fields)[0]!.length,
          fields: Object.entries(frame.fields).map(([field, values]) => ({ name: field, values })),
        }) as unknown as DataFrame
    )
  );
}

describe('findings in recorded faults', () => {
  it('names the statement, not the callers that wait for it, nor the neighbours that suffer from the load', () => {
    const overview = recorded(slowSql);
    const findings = findFindings(overview);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ severity: 'slow', place: 'database', source: 'catalog', target: 'mariadbd' });
    expect(findings[0]!.title).toMatch(/^mariadbd is slow for catalog: SELECT … FROM products … takes 1\.2 s$/);
    expect(findings[0]!.evidence).toContain('the network is clean');
    expect(findings[0]!.victims).toEqual(expect.arrayContaining(['catalog', 'nginx']));
    expect(serviceFinding('nginx', overview, findings)).toContain('because mariadbd is slow for catalog');
  });

  it('sees that the callee answered none of the calls that broke', () => {
    const [first, ...others] = findFindings(recorded(resets));
    expect(first).toMatchObject({ severity: 'failing', place: 'network', target: 'payments' });
    expect(first!.victims).toEqual(expect.arrayContaining(['nginx', 'checkout']));
    expect(others).toEqual([]);
  });

  it('sees that a route moved to a service that does not have it', () => {
    const overview = recorded(wrongUpstream);
    const findings = findFindings(overview);
    expect(findings[0]).toMatchObject({ place: 'route', source: 'nginx', target: 'payments', endpoint: '/products' });
    expect(findings[0]!.evidence).toContain('before, catalog answered /products');
    expect(headline(overview, findings)).toMatch(/^nginx sends \/products to payments, which rejects it/);
  });
});

const quiet: SideFigures = {
  protocol: 'http',
  requests: 1_000,
  errors: 0,
  timeouts: 0,
  resets: 0,
  mean: 2e6,
  p95: 5e6,
  requestsBefore: 3_000,
  errorsBefore: 0,
  meanBefore: 2e6,
  p95Before: 5e6,
};
const edge = (source: string, target: string, client: Partial<SideFigures>, server?: Partial<SideFigures>): Edge => ({
  source,
  target,
  protocol: 'http',
  client: { ...quiet, ...client },
  server: server && { ...quiet, ...server },
});
const overviewOf = (edges: readonly Edge[], operations: readonly Operation[] = []): Overview => ({
  services: [],
  edges,
  operations,
  windows: { nowFromMs: 300_000, nowToMs: 400_000, beforeFromMs: 0, beforeToMs: 300_000 },
});

describe('findings', () => {
  it('finds nothing where nothing changed', () => {
    expect(findFindings(overviewOf([edge('a', 'b', {}, {})]))).toEqual([]);
  });

  it('blames the service at which failures begin, and lists its callers as victims', () => {
    const findings = findFindings(
      overviewOf([
        edge('user', 'front', { errors: 100 }, { errors: 100 }),
        edge('front', 'pay', { errors: 100 }, { errors: 100 }),
        edge('pay', 'db', {}, {}),
      ])
    );
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ place: 'service', source: 'front', target: 'pay', rate: 1 });
    expect(findings[0]!.victims).toEqual(['front', 'user']);
  });

  it('does not blame the network for resets that come with answered errors', () => {
    const [finding] = findFindings(
      overviewOf([edge('a', 'b', { errors: 90, resets: 50 }, { errors: 80, resets: 10 })])
    );
    expect(finding!.place).toBe('service');
  });

  it('says that it has one view only of what no agent watches', () => {
    const [finding] = findFindings(overviewOf([edge('pay', 'acme.example', { errors: 90, resets: 90 })]));
    expect(finding).toMatchObject({ place: 'outside' });
    expect(finding!.title).toContain('resets connections');
    expect(finding!.evidence).toContain('view only');
  });

  it('tells the time between two processes from the time of the callee', () => {
    const [between] = findFindings(overviewOf([edge('a', 'b', { mean: 60e6, p95: 90e6 }, { mean: 3e6 })]));
    expect(between).toMatchObject({ severity: 'slow', place: 'network' });
    const [own] = findFindings(overviewOf([edge('a', 'b', { mean: 60e6, p95: 90e6 }, { mean: 58e6, p95: 88e6 })]));
    expect(own).toMatchObject({ severity: 'slow', place: 'service' });
  });

  it('leaves the exports of SDKs alone: no request waits for them', () => {
    const exports = edge('pay', '10.0.0.1:4318', { mean: 60e6, p95: 90e6 });
    const overview = overviewOf([exports], [{ ...exports, endpoint: '/v1/traces' }]);
    expect(findFindings(overview)).toEqual([]);
    expect(findFindings(overviewOf([exports], [{ ...exports, endpoint: '/v1/charges' }]))).toHaveLength(1);
  });

  it('leaves a few failures and small shares alone', () => {
    expect(findFindings(overviewOf([edge('a', 'b', { errors: 2, requests: 100 })]))).toEqual([]);
    expect(findFindings(overviewOf([edge('a', 'b', { errors: 4, requests: 1_000 })]))).toEqual([]);
  });

  it('calls a service silent that was asked before and is not any more', () => {
    const row = { requests: 0, errors: 0, rateBefore: 2, p95: null, p95Before: 1 } as never;
    expect(serviceState(row)).toBe('silent');
  });
});

it('shortens statements to what tells them apart', () => {
  const long = `SELECT p.id, p.name, p.price_cents, p.weight FROM \`products\` p JOIN reviews a ON a.product_id = p.id`;
  expect(shortStatement(long)).toBe('SELECT … FROM products …');
  expect(shortStatement('/products/{id}')).toBe('/products/{id}');
});
