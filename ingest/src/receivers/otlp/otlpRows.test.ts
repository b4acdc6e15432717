import { describe, expect, it } from 'vitest';
import { otlpTrace } from '@throughline/wire';
import { otlpRows } from './otlpRows.ts';

const NOW_NS = 1_760_000_000_000_000_000n;
const DAY_NS = 86_400_000_000_000n;
const unknown = () => ({ entityId: 1n, hostId: 'h' });

function resourceSpans(span: Record<string, unknown>, copies = 1, attribute = ''): otlpTrace.ResourceSpans[] {
  const whole = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2), startTimeUnixNano: NOW_NS, ...span };
  return [
    otlpTrace.ResourceSpans.fromPartial({
      resource: { attributes: [{ key: 'a', value: { stringValue: attribute } }] },
      scopeSpans: [{ spans: Array.from({ length: copies }, () => whole) }],
    }),
  ];
}

describe('rows of OTLP spans', () => {
  it.each([
    ['start time is more than 7 days ago', { startTimeUnixNano: 0n }],
    ['start time is more than 7 days ago', { startTimeUnixNano: NOW_NS - 7n * DAY_NS - 1n }],
    ['start time is more than a day in the future', { startTimeUnixNano: NOW_NS + DAY_NS + 1n }],
    ['trace id is not 16 bytes or is zero', { traceId: Buffer.alloc(16) }],
    ['span id is not 8 bytes or is zero', { spanId: Buffer.alloc(7, 1) }],
  ])('are refused where the %s', (reason, span) => {
    const { reader, rejected } = otlpRows(resourceSpans(span), NOW_NS, unknown);
    expect([reader.rows, [...rejected]]).toEqual([0, [[reason, 1]]]);
  });

  it('have no parent where its id is zeros', () => {
    const rowsOf = (parentSpanId: Buffer) => otlpRows(resourceSpans({ parentSpanId }), NOW_NS, unknown).reader;
    expect(rowsOf(Buffer.alloc(8)).strings('linkEvidence')).toEqual(['none']);
    expect(rowsOf(Buffer.alloc(8, 9)).strings('linkEvidence')).toEqual(['trace_context']);
  });

  it('of all resources stand in one batch, each with its host and attributes', () => {
    const both = [...resourceSpans({}, 1, 'first'), ...resourceSpans({}, 2, 'second')];
    let host = 0;
    const { reader, hostId } = otlpRows(both, NOW_NS, () => ({ entityId: 1n, hostId: `h${host++}` }));
    expect(hostId).toEqual(['h0', 'h1', 'h1']);
    expect(reader.strings('resourceAttributes.value')).toEqual(['first', 'second', 'second']);
  });

  it('take no more memory than they may, however small the body', () => {
    const many = otlpTrace.ResourceSpans.fromPartial({
      resource: { attributes: Array.from({ length: 100_000 }, (_, i) => ({ key: `k${i}` })) },
      scopeSpans: resourceSpans({}, 10_000)[0]!.scopeSpans,
    });
    expect(() => otlpRows([many], NOW_NS, unknown)).toThrow(/send smaller requests/);
    expect(() => otlpRows(resourceSpans({}, 1_000, 'x'.repeat(1 << 20)), NOW_NS, unknown)).toThrow(
      /send smaller requests/
    );
  });
});
