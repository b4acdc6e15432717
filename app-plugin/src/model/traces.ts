import { type DataFrame } from '@grafana/data';
import { traceListFrame } from '@throughline/query';
import { type RowOf, rowsOf } from '@throughline/ui';

export type TraceRow = RowOf<typeof traceListFrame>;

export function readTraces(series: readonly DataFrame[]): TraceRow[] {
  return rowsOf(series, traceListFrame);
}

/** Nanoseconds by rank: 0.5 is the median. */
export function durationQuantile(rows: readonly TraceRow[], share: number): number | undefined {
  const sorted = rows.map(({ duration }) => duration).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** "503", "reset by server", "ok". */
export function outcomeText({ status, code, failure }: Pick<TraceRow, 'status' | 'code' | 'failure'>): string {
  if (failure !== '') return failure.replaceAll('_', ' ');
  if (code !== 0) return String(code);
  return status === 'Error' ? 'error' : 'ok';
}
