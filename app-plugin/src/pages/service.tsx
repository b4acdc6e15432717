import { type GrafanaTheme2 } from '@grafana/data';
import { sceneGraph } from '@grafana/scenes';
import { css, cx } from '@emotion/css';
import { useStyles2 } from '@grafana/ui';
import { formatDurationShort, formatFactor, formatRate, formatShare, HEALTH, shortStatement } from '@throughline/viz';
import { useMemo } from 'react';
import { appPage, query } from '../appPage.ts';
import { type AppPageBody } from '../AppPageBody.ts';
import { Box } from '../components/Box.tsx';
import { answered, DataState, Nothing } from '../components/DataState.tsx';
import { ServiceName } from '../components/Marks.tsx';
import { PageHeader } from '../components/PageHeader.tsx';
import { getPageStyles } from '../components/styles.ts';
import { TraceTable } from '../components/TraceTable.tsx';
import { curve } from '../curves.ts';
import { AppLink } from '../links.tsx';
import { findFindings } from '../model/findings.ts';
import { freshnessBadges, readFreshness } from '../model/freshness.ts';
import { readOverview } from '../model/overview.ts';
import { type Endpoint, endpointsOf, type Neighbour, neighboursOf, serviceFinding } from '../model/service.ts';
import { readTraces } from '../model/traces.ts';
import { routes } from '../routes.ts';

export const servicePage = () =>
  appPage({
    title: 'Service',
    path: 'service',
    keys: ['service'],
    queriesOf: ({ service = '' }) =>
      service === ''
        ? []
        : [
            query('overview', { queryType: 'overview' }),
            query('freshness', { queryType: 'freshness' }),
            query('traces', {
              queryType: 'traceSearch',
              of: 'requests',
              order: 'failedFirst',
              limit: 12,
              filters: [{ key: 'service', operator: '=', value: service }],
            }),
          ],
    panelsOf: ({ service = '' }) => (service === '' ? [] : serviceCurves(service)),
    View: ServiceView,
  });

function serviceCurves(service: string) {
  const red = (metrics: ('rate' | 'errorShare' | 'p50' | 'p95' | 'p99')[], exemplars = false) =>
    query('A', {
      queryType: 'red',
      groupBy: 'service',
      metrics,
      exemplars,
      filters: [{ key: 'service', operator: '=', value: service }],
    });
  const CLICK = 'Click a point for the requests behind it.';
  return [
    curve({
      title: 'Rate',
      description: `Requests a second. ${CLICK}`,
      query: red(['rate']),
      unit: 'reqps',
      series: [{ match: '/^rate/', name: 'requests', colour: 'blue' }],
    }),
    curve({
      title: 'Errors',
      description: `Share of requests that failed. ${CLICK}`,
      query: red(['errorShare']),
      unit: 'percentunit',
      softMax: 0.05,
      fill: 30,
      series: [{ match: '/^errorShare/', name: 'failed', colour: 'red' }],
    }),
    curve({
      title: 'Duration',
      description: `Percentiles. ${CLICK}`,
      query: red(['p50', 'p95', 'p99'], true),
      unit: 'ns',
      fill: 0,
      series: [
        { match: '/^p50/', name: 'p50', colour: 'light-blue' },
        { match: '/^p95/', name: 'p95', colour: 'blue' },
        { match: '/^p99/', name: 'p99', colour: 'purple' },
      ],
    }),
    curve({
      title: 'Where the time goes',
      description:
        'Mean of a request. Calls that run side by side count with all of their time, so the stack can be higher than the mean.',
      query: query('A', { queryType: 'breakdown', service }),
      unit: 'ns',
      stacked: true,
      // Names and colours come with the parts.
      series: [],
    }),
  ];
}

function ServiceView({ body }: { readonly body: AppPageBody }) {
  const styles = useStyles2(getPageStyles);
  const own = useStyles2(getStyles);
  const { data } = sceneGraph.getData(body).useState();
  const { params, panels } = body.useState();
  const { service = '' } = params;
  const series = answered(data);
  const model = useMemo(() => {
    const overview = readOverview(series ?? []);
    return {
      finding: serviceFinding(service, overview, findFindings(overview)),
      endpoints: endpointsOf(service, overview),
      ...neighboursOf(service, overview),
      traces: readTraces(series ?? []),
      isKnown: overview.services.some((row) => row.service === service),
    };
  }, [series, service]);
  if (service === '') {
    return (
      <div className={styles.page}>
        <PageHeader finding="Which service?" />
        <Nothing message="Choose one from the list">
          <AppLink to={routes.services()} className={styles.link}>
            Services
          </AppLink>
        </Nothing>
      </div>
    );
  }
  const { finding, endpoints, callers, callees, traces, isKnown } = model;
  return (
    <div className={styles.page}>
      <PageHeader
        finding={series ? finding : `Reading ${service}`}
        badges={series ? freshnessBadges(readFreshness(series)) : []}
        actions={
          <>
            <AppLink to={routes.topology(service)} className={styles.link}>
              Show on the map
            </AppLink>
            <AppLink to={routes.traces({ service, of: 'requests' })} className={styles.link}>
              All traces
            </AppLink>
          </>
        }
      />
      <DataState
        data={data}
        awaited={`requests, callers and callees of ${service}`}
        isEmpty={!isKnown}
        onRetry={() => body.refresh()}
        empty={<Nothing message={`${service} was not seen in this time range`}>Choose a longer time range.</Nothing>}
      >
        <div className={styles.three}>
          {panels.slice(0, 3).map((panel) => (
            <div key={panel.state.key} className={styles.curve}>
              <panel.Component model={panel} />
            </div>
          ))}
        </div>
        <div className={styles.two}>
          <div className={own.breakdown}>
            {panels.slice(3).map((panel) => (
              <panel.Component key={panel.state.key} model={panel} />
            ))}
          </div>
          <Box title="Callers and callees" hint="mean of a call: caller’s view = network + callee’s view">
            <NeighboursTable callers={callers} callees={callees} />
          </Box>
        </div>
        <div className={styles.two}>
          <Box title="Endpoints" hint={`${endpoints.length}, by share of time`}>
            <EndpointsTable service={service} endpoints={endpoints} />
          </Box>
          <Box title="Requests" hint="failed first, then slowest">
            <TraceTable rows={traces} isCompact />
          </Box>
        </div>
      </DataState>
    </div>
  );
}

interface NeighboursTableProps {
  readonly callers: readonly Neighbour[];
  readonly callees: readonly Neighbour[];
}

function NeighboursTable({ callers, callees }: NeighboursTableProps) {
  const styles = useStyles2(getPageStyles);
  return (
    <div className={styles.scroll}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th className={styles.grow}>Service</th>
            <th className={styles.number}>Calls</th>
            <th className={styles.number}>Errors</th>
            <th className={styles.number}>Caller</th>
            <th className={cx(styles.number, styles.wide)}>Network</th>
            <th className={cx(styles.number, styles.wide)}>Callee</th>
            <th aria-label="Edge" />
          </tr>
        </thead>
        <NeighbourRows title={`${callers.length} calling`} rows={callers} />
        <NeighbourRows title={`${callees.length} called`} rows={callees} />
      </table>
    </div>
  );
}

function NeighbourRows({ title, rows }: { readonly title: string; readonly rows: readonly Neighbour[] }) {
  const styles = useStyles2(getPageStyles);
  const own = useStyles2(getStyles);
  return (
    <tbody>
      <tr>
        <th colSpan={7} scope="rowgroup">
          {title}
        </th>
      </tr>
      {rows.map(({ edge, name, rate, errorShare, client, server, network }) => (
        <tr key={name}>
          <td className={styles.grow}>
            <ServiceName name={name} />
          </td>
          <td className={styles.number}>{formatRate(rate)}</td>
          <td className={cx(styles.number, errorShare > HEALTH.failingShare && own.failed)}>
            {formatShare(errorShare)}
          </td>
          <td className={styles.number}>{formatDurationShort(client)}</td>
          <td className={cx(styles.number, styles.wide)}>{formatDurationShort(network)}</td>
          <td className={cx(styles.number, styles.wide)}>{formatDurationShort(server)}</td>
          <td>
            <AppLink to={routes.edge(edge.source, edge.target)} title={`${edge.source} → ${edge.target}, both sides`}>
              edge
            </AppLink>
          </td>
        </tr>
      ))}
    </tbody>
  );
}

interface EndpointsTableProps {
  readonly service: string;
  readonly endpoints: readonly Endpoint[];
}

const ENDPOINTS_SHOWN = 20;

function EndpointsTable({ service, endpoints }: EndpointsTableProps) {
  const styles = useStyles2(getPageStyles);
  const own = useStyles2(getStyles);
  return (
    <div className={styles.scroll}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th className={styles.grow}>Endpoint</th>
            <th className={styles.number}>Rate</th>
            <th className={styles.number}>Errors</th>
            <th className={cx(styles.number, styles.wide)}>Mean</th>
            <th className={styles.number}>P95</th>
            <th className={cx(styles.number, styles.wide)}>vs before</th>
            <th className={cx(styles.number, styles.wide)}>Of time</th>
          </tr>
        </thead>
        <tbody>
          {endpoints.slice(0, ENDPOINTS_SHOWN).map((row) => (
            <tr key={row.endpoint}>
              <td className={styles.grow} title={row.endpoint}>
                <AppLink to={routes.traces({ service, endpoint: row.endpoint, of: 'requests' })}>
                  {shortStatement(row.endpoint) || '(none)'}
                </AppLink>
              </td>
              <td className={styles.number}>{formatRate(row.rate)}</td>
              <td className={cx(styles.number, row.errorShare > HEALTH.failingShare && own.failed)}>
                {formatShare(row.errorShare)}
              </td>
              <td className={cx(styles.number, styles.wide)}>{formatDurationShort(row.mean)}</td>
              <td className={styles.number}>{formatDurationShort(row.p95)}</td>
              <td className={cx(styles.number, styles.wide, styles.secondary)}>
                {formatFactor(row.p95, row.p95Before) ?? '–'}
              </td>
              <td className={cx(styles.number, styles.wide)}>{formatShare(row.share)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {endpoints.length > ENDPOINTS_SHOWN && (
        <p className={styles.boxBody}>{`${ENDPOINTS_SHOWN} of ${endpoints.length} are shown, by share of time.`}</p>
      )}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  breakdown: css({ height: 300, display: 'flex' }),
  failed: css({ color: theme.colors.error.text }),
});
