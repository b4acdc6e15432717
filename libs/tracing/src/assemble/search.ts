import { type TraceSpan } from './model.ts';
import { type LaterLink } from './parents.ts';

/** Where spans come from; the datasource asks the store, tests ask arrays. Every answer may hold more than was asked for. */
export interface SpanFetcher {
  bySpanIds(spanIds: readonly string[]): Promise<readonly TraceSpan[]>;
  byParentSpanIds(parentSpanIds: readonly string[]): Promise<readonly TraceSpan[]>;
  byTraceIds(traceIds: readonly string[]): Promise<readonly TraceSpan[]>;
  /**
   * Spans of these processes that lie about these times: `application` server spans inside captured ones, or captured
   * server spans around application ones. One query for all.
   */
  byProcessTimes(
    intervals: readonly ProcessInterval[],
    layer: 'application' | 'process'
  ): Promise<readonly TraceSpan[]>;
  linksOf(spanIds: readonly string[]): Promise<readonly LaterLink[]>;
}

export interface ProcessInterval {
  readonly entityId: string;
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** 0: any. */
  readonly clientPort: number;
}

export interface CollectLimits {
  /** Levels walked. @default 64 */
  readonly rounds?: number;
  /** Spans kept. @default 100_000 */
  readonly spans?: number;
  /** Time for all of it, ms. @default 10_000 */
  readonly timeMs?: number;
}

export interface Collected {
  readonly spans: readonly TraceSpan[];
  readonly links: readonly LaterLink[];
  /** Bounds that were hit, in words; empty where everything was found. */
  readonly cut: readonly string[];
  /** The span that was asked for; undefined for a trace id. */
  readonly focus: string | undefined;
}

/** An SDK's clock may be this far off its host's. */
const SLACK_NS = 50_000_000n;

/**
 * Everything that belongs to the trace of one id, walked level by level: up to causes and callers, down to callees, across to
 * what shares a trace id, and between the SDK's and the captured span of one exchange.
 * @param id 32 hex digits of a trace id, or 16 of a span id
 */
export async function collectTrace(id: string, fetcher: SpanFetcher, limits: CollectLimits = {}): Promise<Collected> {
  const { rounds = 64, spans: maxSpans = 100_000, timeMs = 10_000 } = limits;
  const until = Date.now() + timeMs;
  const found = new Map<string, TraceSpan>();
  const links = new Map<string, LaterLink>();
  const asked = {
    span: new Set<string>(),
    children: new Set<string>(),
    trace: new Set<string>(),
    process: new Set<string>(),
  };
  const cut: string[] = [];
  let fresh: TraceSpan[] = [];
  const take = (spans: readonly TraceSpan[]): void => {
    for (const span of spans) {
      const key = `${span.spanId}/${span.layer}/${span.hostId}/${span.startNs}/${span.kind}`;
      if (found.has(key) || found.size >= maxSpans) continue;
      found.set(key, span);
      fresh.push(span);
    }
  };
  const isTraceId = id.length === 32;
  if (isTraceId) {
    asked.trace.add(id);
    take(await fetcher.byTraceIds([id]));
  } else {
    asked.span.add(id);
    take(await fetcher.bySpanIds([id]));
  }
  for (let round = 0; fresh.length > 0; round++) {
    if (round >= rounds) cut.push(`the trace goes on beyond ${rounds} levels`);
    if (found.size >= maxSpans) cut.push(`only ${maxSpans} spans are shown`);
    if (Date.now() > until) cut.push(`searching stopped after ${timeMs} ms`);
    if (cut.length > 0) break;
    const level = fresh;
    fresh = [];
    for (const link of await fetcher.linksOf(level.map(({ spanId }) => spanId))) links.set(link.spanId, link);
    const up = unasked(
      asked.span,
      level.flatMap((span) => [links.get(span.spanId)?.parentSpanId ?? span.parentSpanId, span.wireParentSpanId])
    );
    const down = unasked(
      asked.children,
      level.map(({ spanId }) => spanId)
    );
    const traces = unasked(
      asked.trace,
      level.map(({ traceId }) => traceId)
    );
    const intervals = (layer: 'application' | 'process'): ProcessInterval[] =>
      level
        .filter(
          (span) => span.kind === 'Server' && span.layer !== layer && span.layer !== 'network' && span.entityId !== '0'
        )
        .flatMap((span) => {
          const key = `${layer}/${span.spanId}/${span.startNs}`;
          if (asked.process.has(key)) return [];
          asked.process.add(key);
          const toNs = span.startNs + BigInt(span.durationNs) + SLACK_NS;
          return [{ entityId: span.entityId, fromNs: span.startNs - SLACK_NS, toNs, clientPort: span.clientPort }];
        });
    const inside = intervals('application');
    const around = intervals('process');
    const answers = await withDeadline(until, [
      up.length > 0 ? fetcher.bySpanIds(up) : [],
      down.length > 0 ? fetcher.byParentSpanIds(down) : [],
      traces.length > 0 ? fetcher.byTraceIds(traces) : [],
      inside.length > 0 ? fetcher.byProcessTimes(inside, 'application') : [],
      around.length > 0 ? fetcher.byProcessTimes(around, 'process') : [],
    ]);
    if (answers === undefined) {
      cut.push(`searching stopped after ${timeMs} ms`);
      break;
    }
    for (const answer of answers) take(answer);
  }
  return { spans: [...found.values()], links: [...links.values()], cut, focus: isTraceId ? undefined : id };
}

function unasked(asked: Set<string>, ids: readonly string[]): string[] {
  const fresh: string[] = [];
  for (const id of ids) {
    if (id === '' || asked.has(id)) continue;
    asked.add(id);
    fresh.push(id);
  }
  return fresh;
}

/** @returns undefined where not all answers came in time */
async function withDeadline<Answer>(
  until: number,
  asked: readonly (Answer | Promise<Answer>)[]
): Promise<Answer[] | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, until - Date.now()));
  });
  try {
    return await Promise.race([Promise.all(asked), late]);
  } finally {
    clearTimeout(timer);
  }
}
