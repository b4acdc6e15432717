import { buildTraceModel, type HopPoint, type KeyValue, type TraceColumns, type TraceModel } from './model.ts';

/** A span as tests and benches write it: milliseconds from the start of the trace. */
export interface TestSpan {
  readonly id: string;
  readonly parent?: string;
  readonly at: number;
  readonly ms: number;
  readonly name?: string;
  readonly service?: string;
  readonly kind?: string;
  readonly failed?: boolean;
  readonly tags?: Readonly<Record<string, unknown>>;
  readonly oneOf?: Readonly<Record<string, number>>;
  readonly hops?: readonly HopPoint[];
}

const EPOCH_MS = 1_795_000_000_000;

export function columnsOf(spans: readonly TestSpan[]): TraceColumns {
  return {
    traceID: spans.map(() => 'trace'),
    spanID: spans.map(({ id }) => id),
    parentSpanID: spans.map(({ parent }) => parent ?? null),
    operationName: spans.map(({ name, id }) => name ?? id),
    serviceName: spans.map(({ service }) => service ?? 'shop'),
    startTime: spans.map(({ at }) => EPOCH_MS + at),
    duration: spans.map(({ ms }) => ms),
    kind: spans.map(({ kind }) => kind ?? 'internal'),
    statusCode: spans.map(({ failed }) => (failed === true ? 2 : 0)),
    tags: spans.map(({ tags }) => pairs(tags ?? {})),
    references: spans.map(({ oneOf }) =>
      Object.entries(oneOf ?? {}).map(([spanID, probability]) => ({
        traceID: 'trace',
        spanID,
        tags: pairs({ 'throughline.link.evidence': 'one_of', 'throughline.link.probability': probability }),
      }))
    ),
    ...(spans.some(({ hops }) => hops) && { hops: spans.map(({ hops }) => hops ?? []) }),
  };
}

export function traceOf(spans: readonly TestSpan[]): TraceModel {
  return buildTraceModel(columnsOf(spans));
}

function pairs(values: Readonly<Record<string, unknown>>): KeyValue[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}
