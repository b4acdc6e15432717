import { css } from '@emotion/css';
import { type GrafanaTheme2, type QueryEditorHelpProps } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import { MACROS } from './macros.ts';
import { equals, NEW_QUERIES } from './model.ts';
import { type ThroughlineQuery } from './types.ts';

interface Example {
  readonly title: string;
  readonly text: string;
  readonly query: ThroughlineQuery;
}

const refId = 'A';

const EXAMPLES: readonly Example[] = [
  {
    title: 'Failed requests, slowest first',
    text: 'Trace search: each row opens its trace.',
    query: { ...NEW_QUERIES.traceSearch, refId, order: 'failedFirst', filters: [equals('status', 'Error')] },
  },
  {
    title: 'Slow requests',
    text: 'Whatever a service was asked that took a second or more.',
    query: { ...NEW_QUERIES.traceSearch, refId, of: 'requests', order: 'slowest', minDurationMs: 1_000 },
  },
  {
    title: 'Error share of every service',
    text: 'Metrics: the same query serves an alert rule.',
    query: { ...NEW_QUERIES.red, refId, metrics: ['errorShare'] },
  },
  {
    title: 'P95 of every endpoint, with exemplars',
    text: 'A dot on the curve opens the trace behind it.',
    query: { ...NEW_QUERIES.red, refId, metrics: ['p95'], groupBy: 'endpoint', exemplars: true },
  },
  {
    title: 'Who calls a database',
    text: 'The service map, of one protocol.',
    query: { ...NEW_QUERIES.serviceMap, refId, filters: [equals('protocol', 'mysql')] },
  },
  {
    title: 'Requests by HTTP status',
    text: 'SQL: a column named "time" makes series.',
    query: {
      ...NEW_QUERIES.sql,
      refId,
      rawSql: `SELECT $__timeInterval(Timestamp) AS time, toString(ResponseCode) AS code, count() AS requests
FROM spans
WHERE $__timeFilter(Timestamp) AND SpanKind = 'Server' AND Protocol = 'http'
GROUP BY time, code
ORDER BY time`,
    },
  },
];

/** The cheat sheet beside a query in Explore. */
export function QueryEditorHelp({ onClickExample }: QueryEditorHelpProps<ThroughlineQuery>) {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.page}>
      <h2>Throughline</h2>
      <p>
        Everything is told apart by who saw it: <em>server</em> is what arrived at a service, <em>client</em> what it
        called. Both ends of an edge report it, and their difference is the network between.
      </p>
      <h3>Examples</h3>
      <div className={styles.examples}>
        {EXAMPLES.map(({ title, text, query }) => (
          <button key={title} type="button" className={styles.example} onClick={() => onClickExample(query)}>
            <strong>{title}</strong>
            <span>{text}</span>
          </button>
        ))}
      </div>
      <h3>Filters</h3>
      <p>
        All filters have to hold. <code>=|</code> and <code>!=|</code> take several values, <code>=~</code> and{' '}
        <code>!~</code> an expression (RE2). Trace search also reads <code>attribute.&lt;name&gt;</code> and{' '}
        <code>resource.&lt;name&gt;</code>. A variable with several values is any of them; one set to All filters
        nothing.
      </p>
      <h3>Macros of SQL</h3>
      <dl className={styles.macros}>
        {MACROS.map(({ name, doc }) => (
          <div key={name}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>{doc}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ maxWidth: theme.spacing(110) }),
  examples: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fill, minmax(min(100%, 260px), 1fr))',
    gap: theme.spacing(1),
    marginBottom: theme.spacing(2),
  }),
  example: css({
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(0.5),
    padding: theme.spacing(1.5),
    textAlign: 'left',
    color: theme.colors.text.primary,
    background: theme.colors.background.secondary,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    '&:hover, &:focus-visible': { borderColor: theme.colors.primary.border },
    span: { color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize },
  }),
  macros: css({
    div: { display: 'flex', flexWrap: 'wrap', gap: theme.spacing(0, 1) },
    dt: { flex: '0 0 190px' },
    dd: { margin: 0, color: theme.colors.text.secondary },
  }),
});
