import { type CallContext, type DataQuery, type FrameFormat } from '@throughline/grafana-backend';
import { type Settings } from './settings.ts';
import { type RunOptions, type Store } from './store.ts';

/** What every query type gets beside its model. */
export interface QueryContext {
  readonly refId: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly intervalMs: number;
  readonly maxDataPoints: number;
  readonly settings: Settings;
  readonly store: Store;
  readonly format: FrameFormat;
  /** Cancels the statement when Grafana cancels the query, and names who asked in the store's log. */
  readonly run: Required<Pick<RunOptions, 'signal' | 'comment'>>;
}

const DEFAULT_MAX_DATA_POINTS = 1_000;

export function queryContext(query: DataQuery, call: CallContext, settings: Settings, store: Store): QueryContext {
  const rangeMs = Math.max(1, query.toMs - query.fromMs);
  const maxDataPoints = query.maxDataPoints > 0 ? query.maxDataPoints : DEFAULT_MAX_DATA_POINTS;
  return {
    refId: query.refId,
    fromMs: query.fromMs,
    toMs: query.toMs,
    intervalMs: query.intervalMs > 0 ? query.intervalMs : Math.ceil(rangeMs / maxDataPoints),
    maxDataPoints,
    settings,
    store,
    format: call.format,
    run: { signal: call.signal, comment: comment(call, query.refId) },
  };
}

/** Headers that tell whose panel or rule a statement in the store's log came from. */
const WHO = ['X-Dashboard-Uid', 'X-Panel-Id', 'X-Query-Group-Id', 'X-Rule-Uid', 'FromAlert'] as const;

export function comment(call: CallContext, refId: string): string {
  const headers = WHO.flatMap((name) => {
    const value = call.headers.get(`http_${name}`) ?? call.headers.get(name);
    return value ? [[name, value.slice(0, 64)]] : [];
  });
  const org = call.plugin.orgId.toString();
  return JSON.stringify({ source: 'grafana', org, refId: refId.slice(0, 64), ...Object.fromEntries(headers) });
}
