import { type DataFrame } from '@grafana/data';
import { type RedMetric } from '@throughline/query';

/** Values of `red` series by service, evenly spaced over the time range. */
export interface ServiceCurves {
  readonly times: readonly number[];
  readonly rate: readonly (number | null)[];
  readonly errorShare: readonly (number | null)[];
  readonly p95: readonly (number | null)[];
}

type Metric = Extract<RedMetric, 'rate' | 'errorShare' | 'p95'>;
const METRICS: readonly Metric[] = ['rate', 'errorShare', 'p95'];

export function curvesByService(series: readonly DataFrame[]): ReadonlyMap<string, ServiceCurves> {
  const curves = new Map<string, { times: readonly number[] } & Record<Metric, readonly (number | null)[]>>();
  for (const frame of series) {
    const metric = METRICS.find((each) => each === frame.name);
    const [time, value] = frame.fields;
    const service = value?.labels?.['service'];
    if (!metric || !time || !value || service === undefined) continue;
    const found = curves.get(service) ?? { times: time.values as number[], rate: [], errorShare: [], p95: [] };
    found[metric] = value.values as (number | null)[];
    curves.set(service, found);
  }
  return curves;
}

/** Start of the last run of values above `limit`; undefined where the last value is not, or all are. @returns epoch ms */
export function since(curve: readonly (number | null)[], times: readonly number[], limit: number): number | undefined {
  let start: number | undefined;
  for (let i = curve.length - 1; i >= 0; i--) {
    const value = curve[i];
    if (value === null || value === undefined) continue;
    if (value <= limit) return start;
    start = times[i];
  }
  return undefined;
}
