import { dateTime, type GrafanaTheme2 } from '@grafana/data';
import { locationService } from '@grafana/runtime';
import { sceneGraph } from '@grafana/scenes';
import { css } from '@emotion/css';
import { IconButton, Input, RadioButtonGroup, useStyles2 } from '@grafana/ui';
import { parseTraceOrSpanId, type QueryFilter, TRACE_ORDERS, TRACE_SUBJECTS } from '@throughline/query';
import { formatCount, formatDuration, formatShare } from '@throughline/viz';
import { useMemo, useState } from 'react';
import { appPage, query } from '../appPage.ts';
import { type AppPageBody, type Params } from '../AppPageBody.ts';
import { Box } from '../components/Box.tsx';
import { answered, DataState, Nothing } from '../components/DataState.tsx';
import { PageHeader } from '../components/PageHeader.tsx';
import { getPageStyles } from '../components/styles.ts';
import { TraceTable } from '../components/TraceTable.tsx';
import { navigate } from '../links.tsx';
import { freshnessBadges, readFreshness } from '../model/freshness.ts';
import { durationQuantile, readTraces, type TraceRow } from '../model/traces.ts';
import { routes } from '../routes.ts';

const LIMIT = 200;
type Subject = (typeof TRACE_SUBJECTS)[number];
type Order = (typeof TRACE_ORDERS)[number];

/** Parameters that are filters, by the name of their filter key. */
const FILTER_PARAMS: Readonly<Record<string, string>> = {
  service: 'service',
  source: 'service',
  peer: 'peer',
  target: 'peer',
  endpoint: 'endpoint',
  status: 'status',
  failure: 'failure',
};

export const tracesPage = () =>
  appPage({
    title: 'Traces',
    path: 'traces',
    keys: [...Object.keys(FILTER_PARAMS), 'of', 'order', 'minMs', 'maxMs', 'at', 'step'],
    refresh: '',
    onParams: rangeOfPoint,
    queriesOf: (params) => [
      query('freshness', { queryType: 'freshness' }),
      query('traces', {
        queryType: 'traceSearch',
        of: subjectOf(params),
        order: orderOf(params),
        filters: filtersOf(params),
        limit: LIMIT,
        ...(params['minMs'] && { minDurationMs: Number(params['minMs']) }),
        ...(params['maxMs'] && { maxDurationMs: Number(params['maxMs']) }),
      }),
    ],
    View: TracesView,
  });

/** A click on a curve names a bucket: the page shows that bucket. */
function rangeOfPoint({ at, step }: Params, body: AppPageBody): void {
  const fromMs = Number(at);
  if (!at || !Number.isFinite(fromMs)) return;
  const widthMs = Math.max(1_000, Number(step) || 60_000);
  const [from, to] = [dateTime(fromMs), dateTime(fromMs + widthMs)];
  // In place of the address that was clicked: Back has to lead to the curve, not to this again.
  locationService.partial({ from: from.toISOString(), to: to.toISOString(), at: null, step: null }, true);
  sceneGraph.getTimeRange(body).onTimeRangeChange({ from, to, raw: { from, to } });
  body.setState({ params: { ...body.state.params, at: '', step: '' } });
}

function subjectOf(params: Params): Subject {
  const asked = TRACE_SUBJECTS.find((subject) => subject === params['of']);
  if (asked) return asked;
  if (params['source'] || params['target'] || params['peer']) return 'calls';
  return params['service'] ? 'requests' : 'roots';
}

function orderOf({ order }: Params): Order {
  return TRACE_ORDERS.find((each) => each === order) ?? 'failedFirst';
}

function filtersOf(params: Params): QueryFilter[] {
  return Object.entries(FILTER_PARAMS).flatMap(([param, key]) => {
    const value = params[param];
    return value ? [{ key, operator: '=' as const, value }] : [];
  });
}

function TracesView({ body }: { readonly body: AppPageBody }) {
  const styles = useStyles2(getPageStyles);
  const { data } = sceneGraph.getData(body).useState();
  const { params } = body.useState();
  const series = answered(data);
  const rows = useMemo(() => readTraces(series ?? []), [series]);
  return (
    <div className={styles.page}>
      <PageHeader
        finding={series ? tracesFinding(rows, params) : 'Searching traces'}
        badges={series ? freshnessBadges(readFreshness(series)) : []}
      />
      <Chips body={body} params={params} />
      <DataState
        data={data}
        awaited="traces"
        isEmpty={rows.length === 0}
        onRetry={() => body.refresh()}
        empty={
          <Nothing message="No trace matches">
            {filtersOf(params).length > 0
              ? 'Remove a filter above, or choose a longer time range.'
              : 'Choose a longer time range.'}
          </Nothing>
        }
      >
        <Box
          title="Traces"
          hint={`${rows.length === LIMIT ? `the first ${LIMIT}` : formatCount(rows.length)}, ${ORDER_TEXT[orderOf(params)]}`}
        >
          <TraceTable rows={rows} />
        </Box>
      </DataState>
    </div>
  );
}

const ORDER_TEXT: Readonly<Record<Order, string>> = {
  failedFirst: 'failed first, then slowest',
  slowest: 'slowest first',
  recent: 'newest first',
};

const SUBJECT_TEXT: Readonly<Record<Subject, string>> = {
  roots: 'Whole requests',
  requests: 'Requests to a service',
  calls: 'Calls of a service',
};

function Chips({ body, params }: { readonly body: AppPageBody; readonly params: Params }) {
  const styles = useStyles2(getStyles);
  const [typed, setTyped] = useState('');
  const set = Object.keys(FILTER_PARAMS)
    .concat('minMs', 'maxMs')
    .filter((key) => params[key]);
  return (
    <div className={styles.bar}>
      <RadioButtonGroup
        aria-label="What to list"
        size="sm"
        options={TRACE_SUBJECTS.map((value) => ({ value, label: SUBJECT_TEXT[value] }))}
        value={subjectOf(params)}
        onChange={(of) => body.setParams({ of })}
      />
      <RadioButtonGroup
        aria-label="Order"
        size="sm"
        options={TRACE_ORDERS.map((value) => ({ value, label: ORDER_LABEL[value] }))}
        value={orderOf(params)}
        onChange={(order) => body.setParams({ order })}
      />
      {set.map((key) => (
        <span key={key} className={styles.chip}>
          <span>{CHIP_TEXT[key] ?? key}</span> {params[key]}
          <IconButton
            name="times"
            size="sm"
            aria-label={`Remove ${key}`}
            onClick={() => body.setParams({ [key]: '' })}
          />
        </span>
      ))}
      <form
        className={styles.search}
        onSubmit={(event) => {
          event.preventDefault();
          searchFor(typed, body);
          setTyped('');
        }}
      >
        <Input
          aria-label="Trace id, span id or minimum duration"
          placeholder="Trace or span id, “> 100 ms”, failed"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      </form>
    </div>
  );
}

const ORDER_LABEL: Readonly<Record<Order, string>> = {
  recent: 'Newest',
  slowest: 'Slowest',
  failedFirst: 'Failed first',
};
const CHIP_TEXT: Readonly<Record<string, string>> = {
  service: 'service =',
  source: 'caller =',
  peer: 'to =',
  target: 'to =',
  endpoint: 'endpoint =',
  status: 'status =',
  failure: 'failure =',
  minMs: 'longer than, ms',
  maxMs: 'shorter than, ms',
};

/** What a person types into one box: an id opens its trace, a duration or "failed" becomes a filter, else an endpoint. */
function searchFor(text: string, body: AppPageBody): void {
  const typed = text.trim();
  const duration = /^>?\s*([\d.]+)\s*(ms|s)$/.exec(typed);
  if (duration) return body.setParams({ minMs: String(Number(duration[1]) * (duration[2] === 's' ? 1_000 : 1)) });
  if (typed === 'failed' || typed === 'error') return body.setParams({ status: 'Error' });
  if (typed === '') return undefined;
  try {
    parseTraceOrSpanId(typed);
  } catch {
    return body.setParams({ endpoint: typed });
  }
  return navigate(routes.trace(typed));
}

function tracesFinding(rows: readonly TraceRow[], params: Params): string {
  const of = params['endpoint'] || params['service'] || params['source'];
  const what = of ? `${of}: ` : '';
  if (rows.length === 0) return of ? `${what}no request matches` : 'No request matches';
  const failed = rows.filter(({ status }) => status === 'Error').length;
  const slowest = Math.max(...rows.map(({ duration }) => duration));
  const shown =
    rows.length === LIMIT ? `${of ? 'first' : 'First'} ${LIMIT} requests` : `${formatCount(rows.length)} requests`;
  const failures = failed === 0 ? 'none failed' : `${failed} failed (${formatShare(failed / rows.length)})`;
  return `${what}${shown}, ${failures}; median ${formatDuration(durationQuantile(rows, 0.5))}, slowest ${formatDuration(slowest)}`;
}

const getStyles = (theme: GrafanaTheme2) => ({
  bar: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1), alignItems: 'center' }),
  chip: css({
    display: 'inline-flex',
    alignItems: 'center',
    gap: theme.spacing(0.5),
    height: 24,
    padding: theme.spacing(0, 0.75),
    fontSize: 12,
    border: `1px solid ${theme.colors.primary.border}`,
    borderRadius: theme.shape.radius.default,
    background: theme.colors.primary.transparent,
    span: { color: theme.colors.text.secondary },
  }),
  search: css({ flexGrow: 1, minWidth: 200 }),
});
