import { cx } from '@emotion/css';
import { useStyles2 } from '@grafana/ui';
import { formatDurationShort, formatFactor, formatRate, formatShare } from '@throughline/viz';
import { ServiceName, StateMark } from '../components/Marks.tsx';
import { Sparkline } from '../components/Sparkline.tsx';
import { getPageStyles } from '../components/styles.ts';
import { AppLink } from '../links.tsx';
import { type Finding, type ServiceState, serviceState } from '../model/findings.ts';
import { type Overview, type ServiceRow, telemetryTargets } from '../model/overview.ts';
import { type ServiceCurves } from '../model/series.ts';
import { routes } from '../routes.ts';

interface ServicesTableProps {
  readonly overview: Overview;
  readonly findings: readonly Finding[];
  readonly curves: ReadonlyMap<string, ServiceCurves>;
  readonly filter?: string;
}

const RANK: Readonly<Record<ServiceState, number>> = { failing: 0, slow: 1, silent: 2, ok: 3 };

/** Origins of failures first, then whatever suffers, then the rest by rate. */
export function rankServices(overview: Overview, findings: readonly Finding[]): ServiceRow[] {
  const origins = new Set(findings.map(({ target }) => target));
  const rank = (row: ServiceRow) => (origins.has(row.service) ? -1 : RANK[serviceState(row)]);
  const telemetry = telemetryTargets(overview);
  return overview.services
    .filter(({ service }) => !telemetry.has(service))
    .filter(({ service, requests, rateBefore }) => service !== 'unknown' && (requests > 0 || (rateBefore ?? 0) > 0))
    .sort((a, b) => rank(a) - rank(b) || (b.errorShare ?? 0) - (a.errorShare ?? 0) || (b.rate ?? 0) - (a.rate ?? 0));
}

export function ServicesTable({ overview, findings, curves, filter = '' }: ServicesTableProps) {
  const styles = useStyles2(getPageStyles);
  const rows = rankServices(overview, findings).filter(({ service }) => service.includes(filter));
  return (
    <div className={styles.scroll}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th aria-label="State" />
            <th className={styles.grow}>Service</th>
            <th className={styles.number}>Rate</th>
            <th className={styles.wide} aria-label="Rate over time" />
            <th className={styles.number}>Errors</th>
            <th className={styles.wide} aria-label="Errors over time" />
            <th className={styles.number}>P95</th>
            <th className={styles.wide} aria-label="P95 over time" />
            <th
              className={cx(styles.number, styles.wide)}
              title="P95 at the end of the range against the time before it"
            >
              vs before
            </th>
            <th className={styles.wide}>Because</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <ServiceTableRow key={row.service} row={row} findings={findings} curves={curves.get(row.service)} />
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p className={styles.boxBody}>{`No service matches “${filter}”.`}</p>}
    </div>
  );
}

interface ServiceTableRowProps {
  readonly row: ServiceRow;
  readonly findings: readonly Finding[];
  readonly curves: ServiceCurves | undefined;
}

function ServiceTableRow({ row, findings, curves }: ServiceTableRowProps) {
  const styles = useStyles2(getPageStyles);
  const state = serviceState(row);
  const tone = (isBad: boolean, bad: 'failing' | 'slow') => (isBad ? bad : 'neutral');
  return (
    <tr>
      <td>
        <StateMark state={state} />
      </td>
      <td className={styles.grow}>
        <ServiceName name={row.service} icon={row.icon} />
      </td>
      <td className={styles.number}>{formatRate(row.rate ?? 0)}</td>
      <td className={styles.wide}>
        <Sparkline values={curves?.rate ?? []} tone="neutral" label="Rate over time" />
      </td>
      <td className={styles.number}>
        {row.errors > 0 ? (
          <AppLink to={routes.traces({ service: row.service, of: 'requests', status: 'Error' })}>
            {formatShare(row.errorShare)}
          </AppLink>
        ) : (
          formatShare(row.errorShare ?? 0)
        )}
      </td>
      <td className={styles.wide}>
        <Sparkline
          values={curves?.errorShare ?? []}
          tone={tone(state === 'failing', 'failing')}
          label="Errors over time"
        />
      </td>
      <td className={styles.number}>{formatDurationShort(row.p95)}</td>
      <td className={styles.wide}>
        <Sparkline values={curves?.p95 ?? []} tone={tone(state === 'slow', 'slow')} label="P95 over time" />
      </td>
      <td className={cx(styles.number, styles.wide, styles.secondary)}>
        {formatFactor(row.p95, row.p95Before) ?? '–'}
      </td>
      <td className={styles.wide}>
        <Because row={row} state={state} findings={findings} />
      </td>
    </tr>
  );
}

interface BecauseProps {
  readonly row: ServiceRow;
  readonly state: ServiceState;
  readonly findings: readonly Finding[];
}

function Because({ row, state, findings }: BecauseProps) {
  const styles = useStyles2(getPageStyles);
  const origin = findings.find(({ target }) => target === row.service);
  if (origin) {
    return <AppLink to={routes.edge(origin.source, origin.target)}>{`origin: ${PLACE_TEXT[origin.place]}`}</AppLink>;
  }
  const cause = findings.find(({ victims }) => victims.includes(row.service));
  if (cause) return <AppLink to={routes.edge(cause.source, cause.target)}>{cause.target}</AppLink>;
  if (row.seenBy === 'client') return <span className={styles.secondary}>callers’ side only</span>;
  return <>{state === 'silent' && <span className={styles.secondary}>no requests any more</span>}</>;
}

const PLACE_TEXT: Readonly<Record<Finding['place'], string>> = {
  service: 'its own answers',
  database: 'a statement',
  network: 'the network before it',
  route: 'wrong route to it',
  outside: 'outside, seen by callers',
};
