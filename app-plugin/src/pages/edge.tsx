import { type GrafanaTheme2 } from '@grafana/data';
import { sceneGraph } from '@grafana/scenes';
import { css, cx } from '@emotion/css';
import { Icon, useStyles2 } from '@grafana/ui';
import { formatCount, formatDurationShort, formatRate, formatShare } from '@throughline/viz';
import { useMemo } from 'react';
import { appPage, query } from '../appPage.ts';
import { type AppPageBody } from '../AppPageBody.ts';
import { Box } from '../components/Box.tsx';
import { answered, DataState, Nothing } from '../components/DataState.tsx';
import { ServiceName } from '../components/Marks.tsx';
import { PageHeader } from '../components/PageHeader.tsx';
import { getPageStyles, NARROW } from '../components/styles.ts';
import { TraceTable } from '../components/TraceTable.tsx';
import { curve } from '../curves.ts';
import { AppLink } from '../links.tsx';
import {
  checksOf,
  type EdgeDetail,
  judgeEdge,
  outcomeName,
  readEdge,
  segmentName,
  segmentTone,
  type Verdict,
} from '../model/edge.ts';
import { findFindings } from '../model/findings.ts';
import { freshnessBadges, readFreshness } from '../model/freshness.ts';
import { type Edge, readOverview, type SideFigures, windowSeconds } from '../model/overview.ts';
import { readTraces } from '../model/traces.ts';
import { routes } from '../routes.ts';

export const edgePage = () =>
  appPage({
    title: 'Edge',
    path: 'edge',
    keys: ['source', 'target'],
    queriesOf: ({ source = '', target = '' }) =>
      source === '' || target === ''
        ? []
        : [
            query('overview', { queryType: 'overview' }),
            query('freshness', { queryType: 'freshness' }),
            query('edge', { queryType: 'edge', source, target }),
            query('traces', {
              queryType: 'traceSearch',
              of: 'calls',
              order: 'failedFirst',
              limit: 12,
              filters: [
                { key: 'service', operator: '=', value: source },
                { key: 'peer', operator: '=', value: target },
              ],
            }),
          ],
    panelsOf: ({ source = '', target = '' }) => (source === '' || target === '' ? [] : edgeCurves(source, target)),
    View: EdgeView,
  });

function edgeCurves(source: string, target: string) {
  const red = (metrics: ('rate' | 'errorShare' | 'p95')[], exemplars = false) =>
    query('A', {
      queryType: 'red',
      groupBy: 'edge',
      side: 'client',
      metrics,
      exemplars,
      filters: [
        { key: 'service', operator: '=', value: source },
        { key: 'peer', operator: '=', value: target },
      ],
    });
  return [
    curve({
      title: 'Failed, caller’s view',
      description: 'Share of the calls that failed. Click a point for the calls behind it.',
      query: red(['errorShare']),
      unit: 'percentunit',
      softMax: 0.05,
      fill: 30,
      series: [{ match: '/^errorShare/', name: 'failed', colour: 'red' }],
    }),
    curve({
      title: 'Duration, caller’s view',
      description: '95th percentile of the calls. Click a point for the calls behind it.',
      query: red(['p95'], true),
      unit: 'ns',
      series: [{ match: '/^p95/', name: 'p95', colour: 'blue' }],
    }),
    curve({
      title: 'Calls',
      description: 'Calls a second. Click a point for the calls behind it.',
      query: red(['rate']),
      unit: 'reqps',
      series: [{ match: '/^rate/', name: 'calls', colour: 'blue' }],
    }),
  ];
}

function EdgeView({ body }: { readonly body: AppPageBody }) {
  const styles = useStyles2(getPageStyles);
  const own = useStyles2(getStyles);
  const { data } = sceneGraph.getData(body).useState();
  const { params, panels } = body.useState();
  const { source = '', target = '' } = params;
  const series = answered(data);
  const model = useMemo(() => {
    const overview = readOverview(series ?? []);
    const detail = readEdge(series ?? []);
    return {
      overview,
      detail,
      edge: overview.edges.find((each) => each.source === source && each.target === target),
      verdict: judgeEdge(source, target, overview, findFindings(overview), detail),
      traces: readTraces(series ?? []),
    };
  }, [series, source, target]);
  const { overview, detail, edge, verdict, traces } = model;
  if (source === '' || target === '') {
    return (
      <div className={styles.page}>
        <PageHeader finding="Which edge?" />
        <Nothing message="Choose an edge on the map">
          <AppLink to={routes.topology()} className={styles.link}>
            Open the topology
          </AppLink>
        </Nothing>
      </div>
    );
  }
  return (
    <div className={styles.page}>
      <PageHeader
        finding={series ? verdict.title : `Reading ${source} → ${target}`}
        sub={series ? verdict.detail : undefined}
        badges={series ? freshnessBadges(readFreshness(series)) : []}
        actions={
          <span className={own.actions}>
            <ServiceName name={source} />
            <Icon name="arrow-right" aria-label="calls" />
            <ServiceName name={target} />
            <AppLink to={routes.topology(target)} className={styles.link}>
              Show on the map
            </AppLink>
          </span>
        }
      />
      <DataState
        data={data}
        awaited="both sides of the edge"
        isEmpty={!edge}
        onRetry={() => body.refresh()}
        empty={
          <Nothing message={`${source} did not call ${target} in this time range`}>Choose a longer time range.</Nothing>
        }
      >
        {edge && (
          <>
            <Stations verdict={verdict} />
            <div className={styles.three}>
              <Views edge={edge} seconds={windowSeconds(overview.windows)} />
              <SegmentsBox detail={detail} />
              <ChecksBox checks={checksOf(edge, overview, detail)} />
            </div>
            <OutcomesBox detail={detail} />
          </>
        )}
        <div className={styles.three}>
          {panels.map((panel) => (
            <div key={panel.state.key} className={styles.curve}>
              <panel.Component model={panel} />
            </div>
          ))}
        </div>
        <Box
          title="Calls"
          hint="failed first, then slowest"
          actions={
            <AppLink to={routes.traces({ service: source, peer: target, of: 'calls' })} className={styles.link}>
              all
            </AppLink>
          }
        >
          <TraceTable rows={traces} />
        </Box>
      </DataState>
    </div>
  );
}

const VERDICT_TEXT = { clean: 'clean', cause: 'the cause', unseen: 'not seen' } as const;
const VERDICT_ICON = { clean: 'check-circle', cause: 'times-circle', unseen: 'question-circle' } as const;

function Stations({ verdict }: { readonly verdict: Verdict }) {
  const own = useStyles2(getStyles);
  return (
    <Box title="Where it is" hint="on the way of a call, and whether it is clean">
      <ol className={own.stations}>
        {verdict.stations.map(({ name, verdict: state, detail }) => (
          <li key={name} className={cx(own.station, own[state])} data-verdict={state}>
            <Icon name={VERDICT_ICON[state]} size="xl" />
            <strong>{name}</strong>
            <span>{verdict.severity === 'ok' && state === 'clean' ? 'works' : VERDICT_TEXT[state]}</span>
            <small>{detail}</small>
          </li>
        ))}
      </ol>
    </Box>
  );
}

function Views({ edge, seconds }: { readonly edge: Edge; readonly seconds: number }) {
  const own = useStyles2(getStyles);
  return (
    <Box title="Both views" hint="at the end of the range">
      <table className={own.facts}>
        <thead>
          <tr>
            <th aria-label="Figure" />
            <th>caller’s</th>
            <th>callee’s</th>
          </tr>
        </thead>
        <tbody>
          <FactRow name="Calls" edge={edge} write={({ requests }) => formatRate(requests / seconds)} />
          <FactRow
            name="Failed"
            edge={edge}
            write={({ errors, requests }) => formatShare(errors / Math.max(1, requests))}
          />
          <FactRow name="Mean" edge={edge} write={({ mean }) => formatDurationShort(mean)} />
          <FactRow name="P95" edge={edge} write={({ p95 }) => formatDurationShort(p95)} />
          <FactRow name="Reset" edge={edge} write={({ resets }) => formatCount(resets)} />
          <FactRow name="Timed out" edge={edge} write={({ timeouts }) => formatCount(timeouts)} />
        </tbody>
      </table>
    </Box>
  );
}

interface FactRowProps {
  readonly name: string;
  readonly edge: Edge;
  readonly write: (figures: SideFigures) => string;
}

function FactRow({ name, edge, write }: FactRowProps) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{edge.client ? write(edge.client) : 'not seen'}</td>
      <td>{edge.server ? write(edge.server) : 'not seen'}</td>
    </tr>
  );
}

function SegmentsBox({ detail }: { readonly detail: EdgeDetail }) {
  const own = useStyles2(getStyles);
  const total = detail.segments.reduce((sum, { mean }) => sum + (mean ?? 0), 0);
  const before = detail.segments.reduce((sum, { meanBefore }) => sum + (meanBefore ?? 0), 0);
  const [first] = detail.segments;
  return (
    <Box
      title="Where a call’s time goes"
      hint={first ? `mean of ${formatCount(first.calls)} calls; means add up` : undefined}
    >
      <div className={own.bar} aria-hidden>
        {detail.segments.map(({ segment, mean }) => (
          <span
            key={segment}
            className={own[segmentTone(segment)]}
            style={{ flexGrow: total > 0 ? (mean ?? 0) / total : 0 }}
            title={`${segmentName(segment)} ${formatDurationShort(mean)}`}
          />
        ))}
      </div>
      <table className={own.facts}>
        <thead>
          <tr>
            <th aria-label="Where" />
            <th>now</th>
            <th>before</th>
          </tr>
        </thead>
        <tbody>
          {detail.segments.map(({ segment, place, mean, meanBefore }) => (
            <tr key={segment}>
              <th scope="row" title={place}>
                <span className={cx(own.swatch, own[segmentTone(segment)])} />
                {segmentName(segment)}
              </th>
              <td>{formatDurationShort(mean)}</td>
              <td>{formatDurationShort(meanBefore)}</td>
            </tr>
          ))}
          <tr className={own.total}>
            <th scope="row">Total</th>
            <td>{formatDurationShort(total)}</td>
            <td>{before > 0 ? formatDurationShort(before) : '–'}</td>
          </tr>
        </tbody>
      </table>
    </Box>
  );
}

function ChecksBox({ checks }: { readonly checks: ReturnType<typeof checksOf> }) {
  const own = useStyles2(getStyles);
  return (
    <Box title="Compared" hint="end of the range against before">
      <table className={own.facts}>
        <thead>
          <tr>
            <th aria-label="Check" />
            <th>before</th>
            <th>now</th>
          </tr>
        </thead>
        <tbody>
          {checks.map(({ name, before, now, isChanged }) => (
            <tr key={name}>
              <th scope="row">
                <Icon
                  name={isChanged ? 'exclamation-triangle' : 'check'}
                  size="sm"
                  className={isChanged ? own.changed : own.same}
                  aria-label={isChanged ? 'changed' : 'as before'}
                />
                {name}
              </th>
              <td>{before}</td>
              <td>{now}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Box>
  );
}

function OutcomesBox({ detail }: { readonly detail: EdgeDetail }) {
  const styles = useStyles2(getPageStyles);
  const own = useStyles2(getStyles);
  return (
    <Box title="How calls end" hint="as each side saw it">
      <div className={styles.scroll}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th className={styles.grow}>Outcome</th>
              <th>Seen by</th>
              <th className={styles.number}>Calls now</th>
              <th className={styles.number}>Before</th>
              <th className={cx(styles.number, styles.wide)}>Mean</th>
              <th>Example</th>
            </tr>
          </thead>
          <tbody>
            {detail.outcomes.slice(0, 12).map((outcome, index) => (
              <tr key={index}>
                <td className={cx(styles.grow, outcome.failed && own.failedText)}>
                  {outcome.failed && <Icon name="exclamation-circle" size="sm" />} {outcomeName(outcome)}
                </td>
                <td>{outcome.side === 'client' ? 'caller' : 'callee'}</td>
                <td className={styles.number}>{formatCount(outcome.calls)}</td>
                <td className={styles.number}>{formatCount(outcome.callsBefore)}</td>
                <td className={cx(styles.number, styles.wide)}>{formatDurationShort(outcome.mean)}</td>
                <td>
                  {outcome.exampleId !== '' && (
                    <AppLink to={routes.trace(outcome.exampleId, outcome.exampleId)}>trace</AppLink>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Box>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  actions: css({ display: 'inline-flex', alignItems: 'center', gap: theme.spacing(1), flexWrap: 'wrap' }),
  stations: css({
    listStyle: 'none',
    display: 'grid',
    gridTemplateColumns: 'repeat(5, minmax(0, 1fr))',
    gap: theme.spacing(1),
    padding: theme.spacing(0, 1.5, 1.5),
    margin: 0,
    [NARROW]: { gridTemplateColumns: 'minmax(0, 1fr)' },
  }),
  station: css({
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(0.25),
    padding: theme.spacing(1),
    borderRadius: theme.shape.radius.default,
    border: '1px solid transparent',
    minWidth: 0,
    strong: { fontWeight: theme.typography.fontWeightMedium, overflowWrap: 'anywhere' },
    small: { color: theme.colors.text.secondary, fontVariantNumeric: 'tabular-nums' },
  }),
  clean: css({ 'svg, > span': { color: theme.colors.success.text } }),
  cause: css({
    background: theme.colors.error.transparent,
    borderColor: theme.colors.error.borderTransparent,
    'svg, > span': { color: theme.colors.error.text },
    '> small': { color: theme.colors.text.primary },
  }),
  unseen: css({ 'svg, > span': { color: theme.colors.text.secondary } }),
  facts: css({
    width: `calc(100% - ${theme.spacing(3)})`,
    margin: theme.spacing(0, 1.5, 1.5),
    fontSize: 13,
    fontVariantNumeric: 'tabular-nums',
    'th, td': { textAlign: 'right', padding: theme.spacing(0.25, 0), fontWeight: theme.typography.fontWeightRegular },
    'thead th': { color: theme.colors.text.secondary, fontSize: 12 },
    'tbody th': { textAlign: 'left' },
  }),
  total: css({
    borderTop: `1px solid ${theme.colors.border.weak}`,
    'th, td': { fontWeight: theme.typography.fontWeightMedium },
  }),
  bar: css({
    display: 'flex',
    height: 16,
    margin: theme.spacing(0, 1.5, 1),
    gap: 1,
    overflow: 'hidden',
    borderRadius: 2,
  }),
  swatch: css({ display: 'inline-block', width: 8, height: 8, borderRadius: 1, marginRight: theme.spacing(0.75) }),
  own: css({ background: theme.visualization.getColorByName('purple') }),
  network: css({ background: theme.visualization.getColorByName('light-blue') }),
  changed: css({ color: theme.colors.warning.text, marginRight: theme.spacing(0.5) }),
  same: css({ color: theme.colors.success.text, marginRight: theme.spacing(0.5) }),
  failedText: css({ color: theme.colors.error.text }),
});
