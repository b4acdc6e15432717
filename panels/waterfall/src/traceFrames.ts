import { type DataFrame } from '@grafana/data';
import { type TraceFrameCustom } from '@throughline/query';
import { type TraceColumns, type TraceTrust } from '@throughline/viz';

export interface TraceInput {
  readonly columns: TraceColumns;
  readonly trust: TraceTrust;
  /** Trace frames beyond the one that is shown. */
  readonly otherFrames: number;
}

const COLUMNS = [
  'traceID',
  'parentSpanID',
  'operationName',
  'serviceName',
  'serviceTags',
  'startTime',
  'duration',
  'kind',
  'statusCode',
  'statusMessage',
  'tags',
  'logs',
  'references',
  'warnings',
  'hops',
] as const satisfies readonly (keyof TraceColumns)[];

/** The first trace of a panel's frames, of whichever datasource: columns by Grafana's names, the missing ones left out. */
export function readTrace(series: readonly DataFrame[]): TraceInput | undefined {
  const frames = series.filter(isTrace);
  const frame = frames.find(({ length }) => length > 0);
  if (frame === undefined) return undefined;
  const valuesOf = (name: string): ArrayLike<unknown> | undefined =>
    frame.fields.find((field) => field.name === name)?.values;
  const columns: Partial<Record<keyof TraceColumns, ArrayLike<unknown>>> = {};
  for (const name of COLUMNS) {
    const values = valuesOf(name);
    if (values !== undefined) columns[name] = values;
  }
  const custom = frame.meta?.custom as Partial<TraceFrameCustom> | undefined;
  const notices = (frame.meta?.notices ?? []).map(({ text }) => text);
  return {
    columns: { ...columns, spanID: valuesOf('spanID')! },
    trust: {
      gaps: [...new Set([...(custom?.gaps ?? []), ...notices])],
      complete: custom?.complete,
      ageMs: custom?.ageMs,
    },
    otherFrames: frames.filter(({ length }) => length > 0).length - 1,
  };
}

function isTrace(frame: DataFrame): boolean {
  const names = new Set(frame.fields.map(({ name }) => name));
  return names.has('spanID') && names.has('traceID') && names.has('startTime');
}
