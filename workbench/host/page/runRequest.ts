import {
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
  type DataSourceApi,
  DataTopic,
  dateMath,
  LoadingState,
  type PanelData,
} from '@grafana/data';
import { toDataQueryError } from '@grafana/runtime';
import { from, isObservable, Observable, of } from 'rxjs';

/** Until then the last answer stays as it is: a quick answer must not flicker. */
const LOADING_AFTER_MS = 50;

/**
 * Runs a request and tells its state as Grafana's query runner does: "loading" after a moment, every packet merged by its
 * key, annotations apart from series, an error as part of the data.
 */
export function runRequest(
  datasource: DataSourceApi,
  request: DataQueryRequest,
  queryFunction?: DataSourceApi['query']
): Observable<PanelData> {
  const packets = new Map<string, DataQueryResponse>();
  const initial: PanelData = { state: LoadingState.Loading, series: [], request, timeRange: request.range };
  return new Observable<PanelData>((subscriber) => {
    const loading = setTimeout(() => subscriber.next(initial), LOADING_AFTER_MS);
    if (request.targets.every(({ hide }) => hide === true)) {
      clearTimeout(loading);
      subscriber.next({ ...initial, state: LoadingState.Done });
      subscriber.complete();
      return undefined;
    }
    let latest = initial;
    const emit = (data: PanelData): void => {
      clearTimeout(loading);
      latest = data;
      subscriber.next(data);
    };
    const fail = (error: unknown): void => {
      const failure = toDataQueryError(error);
      emit({ ...latest, state: LoadingState.Error, error: failure, errors: [failure] });
      subscriber.complete();
    };
    const subscription = answerOf(datasource, request, queryFunction).subscribe({
      next(packet) {
        packets.set(packet.key ?? 'A', packet);
        emit(merge(request, [...packets.values()], packet.state));
      },
      error: fail,
      complete: () => subscriber.complete(),
    });
    return () => {
      clearTimeout(loading);
      subscription.unsubscribe();
    };
  });
}

function answerOf(
  datasource: DataSourceApi,
  request: DataQueryRequest,
  queryFunction: DataSourceApi['query'] | undefined
): Observable<DataQueryResponse> {
  try {
    const answer = queryFunction ? queryFunction(request) : datasource.query(request);
    return isObservable(answer) ? answer : from(answer);
  } catch (error) {
    return of({ data: [], state: LoadingState.Error, errors: [toDataQueryError(error)] });
  }
}

function merge(
  request: DataQueryRequest,
  packets: readonly DataQueryResponse[],
  state: LoadingState | undefined
): PanelData {
  const errors = packets.flatMap(({ errors: several, error }) => several ?? (error ? [error] : []));
  const frames = packets.flatMap(({ data }) => data as DataFrame[]);
  const isAnnotation = (frame: DataFrame): boolean => frame.meta?.dataTopic === DataTopic.Annotations;
  return {
    state: errors.length > 0 ? LoadingState.Error : (state ?? LoadingState.Done),
    series: frames.filter((frame) => !isAnnotation(frame)),
    annotations: frames.filter(isAnnotation),
    request: { ...request, endTime: Date.now() },
    timeRange: withRelativeEnds(request),
    ...(errors.length > 0 && { error: errors[0]!, errors }),
  };
}

/** "Now" moves while a request runs. */
function withRelativeEnds({ range, startTime }: DataQueryRequest): PanelData['timeRange'] {
  const { from: start, to: end } = range.raw;
  const isRelative = typeof start === 'string' || typeof end === 'string';
  if (!isRelative || Date.now() - startTime > 60_000) return range;
  return {
    ...range,
    from: typeof start === 'string' ? (dateMath.toDateTime(start, {}) ?? range.from) : range.from,
    to: typeof end === 'string' ? (dateMath.toDateTime(end, { roundUp: true }) ?? range.to) : range.to,
  };
}
