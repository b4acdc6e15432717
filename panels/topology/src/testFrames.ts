import { type DataFrame, FieldType, toDataFrame } from '@grafana/data';

export interface TestEdge {
  readonly source: string;
  readonly target: string;
  readonly rate?: number;
  readonly failed?: number;
  readonly p95?: number;
  readonly serverOnly?: boolean;
}

/** Frames as the data source's service map answers them: every name of an edge is a node. */
export function mapFrames(edges: readonly TestEdge[], groups: Readonly<Record<string, string>> = {}): DataFrame[] {
  const ids = [...new Set(edges.flatMap(({ source, target }) => [source, target]))];
  const arrived = (id: string) => edges.filter(({ target }) => target === id);
  const rateOf = (id: string) => arrived(id).reduce((sum, { rate = 10 }) => sum + rate, 0);
  const failedOf = (id: string) => arrived(id).reduce((sum, { rate = 10, failed = 0 }) => sum + rate * failed, 0);
  const meta = { preferredVisualisationType: 'nodeGraph' } as const;
  const text = (name: string, values: unknown[]) => ({ name, type: FieldType.string, values });
  const number = (name: string, values: unknown[]) => ({ name, type: FieldType.number, values });
  const isOutside = (id: string) => id.startsWith('@') || id.endsWith('!');
  const nodes = toDataFrame({
    name: 'nodes',
    meta: { ...meta, notices: [{ severity: 'warning', text: 'node-11 is silent' }] },
    fields: [
      text('id', ids),
      text('title', ids),
      text(
        'subtitle',
        ids.map((id) => (id === 'db' ? 'service mysql' : 'service http'))
      ),
      number(
        'mainstat',
        ids.map((id) => (arrived(id).length > 0 ? rateOf(id) : null))
      ),
      number(
        'secondarystat',
        ids.map(() => 5e6)
      ),
      number(
        'arc__error',
        ids.map((id) => (rateOf(id) > 0 ? failedOf(id) / rateOf(id) : 0))
      ),
      text(
        'icon',
        ids.map((id) => (id === 'db' ? 'database' : 'cube'))
      ),
      { name: 'isInstrumented', type: FieldType.boolean, values: ids.map((id) => !isOutside(id)) },
      number(
        'detail__requests',
        ids.map((id) => rateOf(id) * 60)
      ),
      number(
        'detail__errors',
        ids.map((id) => failedOf(id) * 60)
      ),
      ...(Object.keys(groups).length > 0
        ? [
            text(
              'detail__namespace',
              ids.map((id) => groups[id] ?? '')
            ),
          ]
        : []),
    ],
  });
  const client = <T>(value: (edge: TestEdge) => T) => edges.map((edge) => (edge.serverOnly ? null : value(edge)));
  const edgesFrame = toDataFrame({
    name: 'edges',
    meta,
    fields: [
      text(
        'id',
        edges.map(({ source, target }) => `${source} → ${target}`)
      ),
      text(
        'source',
        edges.map(({ source }) => source)
      ),
      text(
        'target',
        edges.map(({ target }) => target)
      ),
      number(
        'mainstat',
        edges.map(({ rate = 10 }) => rate)
      ),
      number(
        'secondarystat',
        edges.map(({ p95 = 5e6 }) => p95)
      ),
      text(
        'detail__protocols',
        edges.map(() => 'http')
      ),
      text(
        'detail__evidence',
        edges.map(({ serverOnly }) => (serverOnly ? 'server' : 'client and server'))
      ),
      number(
        'detail__client_requests',
        client(({ rate = 10 }) => rate * 60)
      ),
      number(
        'detail__client_errors',
        client(({ rate = 10, failed = 0 }) => rate * 60 * failed)
      ),
      number(
        'detail__client_rate',
        client(({ rate = 10 }) => rate)
      ),
      number(
        'detail__client_p95',
        client(({ p95 = 5e6 }) => p95)
      ),
      number(
        'detail__server_requests',
        edges.map(({ rate = 10 }) => rate * 60)
      ),
      number(
        'detail__server_errors',
        edges.map(() => 0)
      ),
      number(
        'detail__server_rate',
        edges.map(({ rate = 10 }) => rate)
      ),
      number(
        'detail__server_p95',
        edges.map(({ p95 = 5e6 }) => p95 / 2)
      ),
    ],
  });
  return [nodes, edgesFrame];
}

/** The edges frame of an overview: how it was before. */
export function beforeFrame(p95Before: Readonly<Record<string, number>>): DataFrame {
  const ends = Object.keys(p95Before).map((id) => id.split(' → '));
  return toDataFrame({
    name: 'edges',
    meta: { type: 'table', custom: { nowFromMs: 0, nowToMs: 60_000 } },
    fields: [
      ...Object.entries({ requests: 600, requestsBefore: 600, mean: 25e6, p95: 50e6 }).map(([name, value]) => ({
        name,
        type: FieldType.number,
        values: ends.map(() => value),
      })),
      { name: 'meanBefore', type: FieldType.number, values: Object.values(p95Before).map((p95) => p95 / 2) },
      { name: 'source', type: FieldType.string, values: ends.map(([source]) => source) },
      { name: 'target', type: FieldType.string, values: ends.map(([, target]) => target) },
      { name: 'side', type: FieldType.string, values: ends.map(() => 'client') },
      { name: 'p95Before', type: FieldType.number, values: Object.values(p95Before) },
    ],
  });
}
