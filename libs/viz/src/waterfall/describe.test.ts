import { describe, expect, it } from 'vitest';
import { attributeGroups, certaintyText, rowText, spanAsText, spanSummary } from './describe.ts';
import { buildRows, DEFAULT_VIEW } from './rows.ts';
import { traceOf } from './testTrace.ts';

const model = traceOf([
  { id: 'root', name: 'POST /checkout', service: 'web', kind: 'server', at: 0, ms: 100, failed: true },
  {
    id: 'call',
    parent: 'root',
    name: 'SELECT',
    service: 'web',
    kind: 'client',
    at: 10,
    ms: 20,
    failed: true,
    tags: {
      'throughline.layer': 'process',
      'throughline.link.evidence': 'ingress',
      'throughline.link.probability': 0.8999,
      'throughline.link.reason': 'same thread',
      'throughline.failure': 'reset_by_server',
      'throughline.peer.name': 'orders',
      'db.query.text': 'SELECT 1',
      'server.port': 3306,
    },
  },
]);

describe('what is said of a span', () => {
  it('is one sentence for its drawer', () => {
    expect(spanSummary(model, 1)).toBe('Call of web to orders: 20.00 ms. The error starts here: reset by server.');
    expect(spanSummary(model, 0)).toBe(
      'Work of web: 100.0 ms, 80.00 ms of it outside of its 1 child. Failed through a call below.'
    );
  });

  it('never rounds what is not sure up to sure', () => {
    expect(certaintyText(model, 1)).toBe('sure 0.89');
    expect(certaintyText(model, 0)).toBe('');
  });

  it('has each row in words', () => {
    const { rows } = buildRows(model, DEFAULT_VIEW);
    expect(rows.map((row) => rowText(model, row))).toEqual([
      'POST /checkout, web, application, 100.0 ms, self 80.00 ms, failed',
      'SELECT, orders, process, 20.00 ms, self 20.00 ms, sure 0.89, failed reset by server, the error starts here',
      '70.00 ms in web nobody explains',
    ]);
  });

  it('groups attributes by meaning, without what stands elsewhere', () => {
    expect(
      attributeGroups(model, 1).map(({ title, pairs }) => `${title}: ${pairs.map(({ key }) => key).join(' ')}`)
    ).toEqual([
      'Request: throughline.failure',
      'Database: db.query.text',
      'Ends: throughline.peer.name server.port',
      'Other: throughline.layer',
    ]);
  });

  it('copies as text with the reason of the link', () => {
    const text = spanAsText(model, 1);
    expect(text).toContain('SELECT (web)\nCall of web to orders');
    expect(text).toContain('trace trace, span call');
    expect(text).toContain('same thread (0.89)');
    expect(text).toContain('Database\n  db.query.text: SELECT 1');
  });
});
