import { type GrafanaTheme2 } from '@grafana/data';
import { sceneGraph } from '@grafana/scenes';
import { css } from '@emotion/css';
import { Icon, useStyles2 } from '@grafana/ui';
import { eventsFrame } from '@throughline/query';
import { type RowOf, rowsOf } from '@throughline/ui';
import { formatCount, formatDurationShort, formatRate, HEALTH, plural } from '@throughline/viz';
import { useMemo } from 'react';
import { appPage, query } from '../appPage.ts';
import { type AppPageBody } from '../AppPageBody.ts';
import { Box } from '../components/Box.tsx';
import { answered, DataState, Nothing } from '../components/DataState.tsx';
import { StateMark } from '../components/Marks.tsx';
import { PageHeader } from '../components/PageHeader.tsx';
import { Sparkline } from '../components/Sparkline.tsx';
import { getPageStyles, NARROW } from '../components/styles.ts';
import { AppLink } from '../links.tsx';
import { type Finding, findFindings, headline } from '../model/findings.ts';
import { type Freshness, freshnessBadges, readFreshness } from '../model/freshness.ts';
import { readOverview } from '../model/overview.ts';
import { curvesByService, type ServiceCurves, since } from '../model/series.ts';
import { routes } from '../routes.ts';
import { ServicesTable } from './servicesTable.tsx';

export const homePage = () =>
  appPage({
    title: 'Home',
    path: 'home',
    keys: [],
    queriesOf: () => [
      query('overview', { queryType: 'overview' }),
      query('curves', { queryType: 'red', metrics: ['rate', 'errorShare', 'p95'], groupBy: 'service', limit: 60 }),
      query('freshness', { queryType: 'freshness' }),
      query('events', { queryType: 'events', limit: 30 }),
    ],
    View: HomeView,
  });

function HomeView({ body }: { readonly body: AppPageBody }) {
  const styles = useStyles2(getPageStyles);
  const { data } = sceneGraph.getData(body).useState();
  const series = answered(data);
  const model = useMemo(() => {
    const frames = series ?? [];
    const overview = readOverview(frames);
    return {
      overview,
      findings: findFindings(overview),
      curves: curvesByService(frames),
      freshness: readFreshness(frames),
      events: rowsOf(frames, eventsFrame),
    };
  }, [series]);
  const { overview, findings, curves, freshness, events } = model;
  const isEmpty = overview.services.length === 0;
  return (
    <div className={styles.page}>
      <PageHeader
        finding={series ? headline(overview, findings) : 'Reading what happens'}
        badges={series ? freshnessBadges(freshness) : []}
      />
      <DataState
        data={data}
        awaited="services, edges and agents"
        isEmpty={isEmpty}
        onRetry={() => body.refresh()}
        empty={
          <Nothing message="No requests in this time range">
            {freshness.agents.length === 0
              ? 'No agent has reported yet. Start one on a host, or send OpenTelemetry traces to ingest; docs/howto/install.md says how.'
              : 'Agents report, but saw no requests: choose a longer time range.'}
          </Nothing>
        }
      >
        <div className={styles.columns}>
          <div className={styles.column}>
            <Box
              title="Wrong now"
              hint={findings.length === 0 ? 'nothing' : `${findings.length}: failing, then slow; origins only`}
            >
              <Findings findings={findings} curves={curves} />
            </Box>
            <Box title="Services" hint="origin of failures first, then by failures and rate">
              <ServicesTable overview={overview} findings={findings} curves={curves} />
            </Box>
          </div>
          <div className={styles.column}>
            <FreshnessBox freshness={freshness} />
            <ChangesBox events={events} />
          </div>
        </div>
      </DataState>
    </div>
  );
}

interface FindingsProps {
  readonly findings: readonly Finding[];
  readonly curves: ReadonlyMap<string, ServiceCurves>;
}

function Findings({ findings, curves }: FindingsProps) {
  const styles = useStyles2(getStyles);
  if (findings.length === 0) {
    return (
      <p className={styles.none}>
        Nothing fails or slows down at the end of this time range, compared with its beginning.
      </p>
    );
  }
  return (
    <ol className={styles.findings}>
      {findings.map((finding) => {
        const curve = curves.get(finding.target) ?? curves.get(finding.source);
        const values = finding.severity === 'failing' ? curve?.errorShare : curve?.p95;
        const start =
          finding.severity === 'failing' && curve
            ? since(curve.errorShare, curve.times, HEALTH.failingShare)
            : undefined;
        return (
          <li key={finding.id}>
            <AppLink
              to={routes.edge(finding.source, finding.target)}
              className={styles.finding}
              data-testid="finding-link"
            >
              <StateMark state={finding.severity} />
              <span className={styles.words}>
                <strong>{finding.title}</strong>
                <span>{finding.evidence}</span>
              </span>
              <span className={styles.curve}>
                <Sparkline values={values ?? []} tone={finding.severity} label="Over the time range" />
              </span>
              <span className={styles.figure}>
                <strong>{formatRate(finding.rate)}</strong>
                <span>{finding.severity}</span>
                {start !== undefined && <span>{`since ${new Date(start).toLocaleTimeString([], TIME)}`}</span>}
              </span>
              <Icon name="angle-right" />
            </AppLink>
          </li>
        );
      })}
    </ol>
  );
}

const TIME = { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false } as const;

function FreshnessBox({ freshness }: { readonly freshness: Freshness }) {
  const styles = useStyles2(getStyles);
  const { agents, silent, behindNs, rows, dropped } = freshness;
  const processes = agents.reduce((sum, agent) => sum + agent.processes, 0);
  return (
    <Box title="Freshness and coverage">
      <dl className={styles.facts}>
        <Fact
          name="Agents reporting"
          value={`${agents.length - silent.length} of ${agents.length}`}
          detail={agents.map(({ host }) => host).join(', ')}
        />
        <Fact name="Behind live" value={formatDurationShort(behindNs)} detail="age of the newest row" />
        <Fact name="Rows stored" value={formatCount(rows)} detail="in this time range" />
        <Fact
          name="Dropped before storing"
          value={formatCount(dropped)}
          detail={dropped === 0 ? 'as the agents count' : 'reasons: dashboard “Pipeline and loss”'}
        />
        <Fact name="Processes watched" value={formatCount(processes)} detail={plural(agents.length, 'host')} />
      </dl>
    </Box>
  );
}

function Fact({ name, value, detail }: { readonly name: string; readonly value: string; readonly detail: string }) {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        <span>{detail}</span>
      </dd>
    </div>
  );
}

const EVENTS_SHOWN = 8;

function ChangesBox({ events }: { readonly events: readonly RowOf<typeof eventsFrame>[] }) {
  const styles = useStyles2(getStyles);
  const shared = useStyles2(getPageStyles);
  const latest = [...events].sort((a, b) => b.time - a.time).slice(0, EVENTS_SHOWN);
  return (
    <Box
      title="Changes"
      hint={events.length > EVENTS_SHOWN ? `${EVENTS_SHOWN} of ${events.length}` : 'in this time range'}
    >
      {latest.length === 0 && <p className={styles.none}>No process was started or ended.</p>}
      <ol className={styles.changes}>
        {latest.map(({ id, time, title, service, host }) => (
          <li key={id}>
            <time dateTime={new Date(time).toISOString()}>{new Date(time).toLocaleTimeString([], TIME)}</time>
            <span>
              {service === '' ? (
                title
              ) : (
                <AppLink to={routes.service(service)} className={shared.link}>
                  {title}
                </AppLink>
              )}
              <small>{host}</small>
            </span>
          </li>
        ))}
      </ol>
    </Box>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  none: css({ margin: 0, padding: theme.spacing(0, 1.5, 1.5), color: theme.colors.text.secondary }),
  findings: css({ listStyle: 'none', margin: 0 }),
  finding: css({
    display: 'flex',
    alignItems: 'center',
    gap: theme.spacing(1.5),
    padding: theme.spacing(1, 1.5),
    borderTop: `1px solid ${theme.colors.border.weak}`,
    color: theme.colors.text.primary,
    '&:hover': { background: theme.colors.action.hover },
  }),
  words: css({
    display: 'flex',
    flexDirection: 'column',
    flexGrow: 1,
    minWidth: 0,
    strong: { fontWeight: theme.typography.fontWeightMedium },
    span: { color: theme.colors.text.secondary, fontSize: 12 },
  }),
  curve: css({ flexShrink: 0, [NARROW]: { display: 'none' } }),
  figure: css({
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'end',
    flexShrink: 0,
    fontVariantNumeric: 'tabular-nums',
    span: { color: theme.colors.text.secondary, fontSize: 12 },
  }),
  facts: css({ margin: 0 }),
  fact: css({
    padding: theme.spacing(0.75, 1.5),
    borderTop: `1px solid ${theme.colors.border.weak}`,
    display: 'grid',
    gridTemplateColumns: '1fr auto',
    dt: { fontWeight: theme.typography.fontWeightRegular },
    dd: { margin: 0, display: 'contents' },
    strong: { textAlign: 'right', fontWeight: theme.typography.fontWeightMedium },
    span: { gridColumn: '1 / -1', color: theme.colors.text.secondary, fontSize: 12 },
    fontVariantNumeric: 'tabular-nums',
  }),
  changes: css({
    listStyle: 'none',
    margin: 0,
    fontSize: 13,
    li: {
      display: 'grid',
      gridTemplateColumns: '64px minmax(0, 1fr)',
      gap: theme.spacing(1),
      padding: theme.spacing(0.75, 1.5),
      borderTop: `1px solid ${theme.colors.border.weak}`,
    },
    time: { color: theme.colors.text.secondary, fontVariantNumeric: 'tabular-nums' },
    small: { display: 'block', color: theme.colors.text.secondary },
  }),
});
