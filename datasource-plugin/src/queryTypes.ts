import { CoreApp } from '@grafana/data';
import { type QueryType } from '@throughline/query';

export interface QueryTypeHelp {
  readonly label: string;
  /** One line: what comes back. */
  readonly help: string;
}

export const QUERY_TYPE_HELP: Readonly<Record<QueryType, QueryTypeHelp>> = {
  red: { label: 'Metrics', help: 'Requests, errors and durations over time: for curves and alert rules.' },
  overview: { label: 'Overview', help: 'Every service, edge and operation as tables, now against the time before.' },
  serviceMap: { label: 'Service map', help: 'Who calls whom, as both ends saw it: a node graph.' },
  edge: {
    label: 'Edge',
    help: 'One caller and one callee: where a call spends its time, hop by hop, and how calls end.',
  },
  breakdown: {
    label: 'Time breakdown',
    help: "A service's time over time: its own, databases, other services, the network.",
  },
  traceSearch: { label: 'Trace search', help: 'Single requests as a table; each row opens its trace.' },
  traceId: { label: 'Trace', help: 'One trace with its network hops, by its id or the id of any span in it.' },
  events: { label: 'Events', help: 'Starts, ends and losses: for annotations and tables.' },
  freshness: { label: 'Freshness', help: 'Agents, how far their newest row is behind, and what they dropped.' },
  sql: { label: 'SQL', help: 'Read-only ClickHouse SQL over the tables of this tenant and environment.' },
};

const ORDER: readonly QueryType[] = [
  'red',
  'traceSearch',
  'traceId',
  'serviceMap',
  'edge',
  'breakdown',
  'overview',
  'events',
  'freshness',
  'sql',
];

/** What expressions of alert rules can read: series and tables of numbers. */
const ALERTING: readonly QueryType[] = ['red', 'breakdown', 'sql'];

export function typesFor(app: CoreApp | string | undefined): readonly QueryType[] {
  return app === CoreApp.UnifiedAlerting || app === CoreApp.CloudAlerting ? ALERTING : ORDER;
}
