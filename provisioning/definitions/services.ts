import { QUERY_VERSION, type QueryInput, type RedMetric } from '@throughline/query';
import { dashboard, type PanelInput, sqlVariable } from '../panels.ts';
import { asOverride, edgeLink, serviceLink, tracesLink, UIDS } from './links.ts';
import { serviceNames } from './sqlParts.ts';

const SERVICE = [{ key: 'service', operator: '=', value: '$service' }] as const;

const ofAll = (metric: RedMetric, exemplars = false): QueryInput => ({
  queryType: 'red',
  version: QUERY_VERSION,
  metrics: [metric],
  groupBy: 'service',
  side: 'server',
  limit: 20,
  exemplars,
});

const ofService = (metric: RedMetric, groupBy: 'service' | 'endpoint', exemplars = false): QueryInput => ({
  queryType: 'red',
  version: QUERY_VERSION,
  metrics: [metric],
  groupBy,
  side: 'server',
  filters: [...SERVICE],
  limit: groupBy === 'service' ? 1 : 20,
  exemplars,
});

const BY_SERVICE = { displayName: '${__field.labels.service}' };
const BY_ENDPOINT = { displayName: '${__field.labels.endpoint}' };
const LABEL = '${__field.labels.service:percentencode}';
const serviceLinks = [serviceLink(LABEL), tracesLink(LABEL)];

const CHANGES = 'Compares the end of the time range with the time before it.';

const rateNow: PanelInput = {
  type: 'stat',
  title: 'Requests',
  description: 'Requests per second that arrived at the service.',
  width: 8,
  height: 4,
  unit: 'reqps',
  queries: [ofService('rate', 'service')],
};
const errorsNow: PanelInput = {
  type: 'stat',
  title: 'Errors',
  description: 'Share of the requests that failed: an error answer, a timeout, a reset.',
  width: 8,
  height: 4,
  unit: 'percentunit',
  queries: [ofService('errorShare', 'service')],
};
const durationNow: PanelInput = {
  type: 'stat',
  title: 'P95',
  description: '95 of 100 requests took at most this long, as the service itself saw them.',
  width: 8,
  height: 4,
  unit: 'ns',
  queries: [ofService('p95', 'service')],
};

export const services = dashboard({
  uid: UIDS.services,
  title: 'Throughline: services',
  description: 'Requests, errors and durations of every service, and where the time of one of them goes.',
  variables: [sqlVariable({ name: 'service', label: 'Service', rawSql: serviceNames('server') })],
  events: { service: '$service' },
  rows: [
    {
      title: 'All services',
      panels: [
        {
          type: 'timeseries',
          title: 'Requests',
          description: 'Requests per second that arrived, by service. The 20 with the most.',
          width: 8,
          unit: 'reqps',
          queries: [ofAll('rate')],
          defaults: { ...BY_SERVICE, min: 0 },
          links: serviceLinks,
        },
        {
          type: 'timeseries',
          title: 'Errors',
          description: 'Share of requests that failed, by service.',
          width: 8,
          unit: 'percentunit',
          queries: [ofAll('errorShare')],
          defaults: { ...BY_SERVICE, min: 0 },
          links: serviceLinks,
        },
        {
          type: 'timeseries',
          title: 'P95',
          description: '95th percentile of durations, by service. Marks are single requests worth a look.',
          width: 8,
          unit: 'ns',
          queries: [ofAll('p95', true)],
          defaults: { ...BY_SERVICE, min: 0 },
          links: serviceLinks,
        },
      ],
    },
    {
      title: '$service',
      panels: [rateNow, errorsNow, durationNow],
    },
    {
      panels: [
        {
          type: 'timeseries',
          title: 'Where the time goes',
          description:
            'Mean time per request by part: the service itself, what it calls by kind, and the network between. Means alone are stacked: percentiles do not add up.',
          width: 24,
          height: 8,
          unit: 'ns',
          queries: [{ queryType: 'breakdown', version: QUERY_VERSION, service: '$service' }],
          defaults: { displayName: '${__field.labels.part}', min: 0 },
          custom: { fillOpacity: 60, lineWidth: 0, stacking: { mode: 'normal', group: 'A' } },
        },
      ],
    },
    {
      panels: [
        {
          type: 'timeseries',
          title: 'Requests by endpoint',
          description: 'Requests per second, by route or operation.',
          width: 8,
          unit: 'reqps',
          queries: [ofService('rate', 'endpoint')],
          defaults: { ...BY_ENDPOINT, min: 0 },
          links: [tracesLink(LABEL)],
        },
        {
          type: 'timeseries',
          title: 'Errors by endpoint',
          description: 'Share of requests that failed, by route or operation.',
          width: 8,
          unit: 'percentunit',
          queries: [ofService('errorShare', 'endpoint')],
          defaults: { ...BY_ENDPOINT, min: 0 },
          links: [tracesLink(LABEL)],
        },
        {
          type: 'timeseries',
          title: 'P95 by endpoint',
          description: '95th percentile of durations, by route or operation.',
          width: 8,
          unit: 'ns',
          queries: [ofService('p95', 'endpoint', true)],
          defaults: { ...BY_ENDPOINT, min: 0 },
          links: [tracesLink(LABEL)],
        },
      ],
    },
    {
      panels: [
        {
          type: 'table',
          title: 'Operations of $service and of what it calls',
          description: `One row per caller, callee, operation and side that saw it. ${CHANGES}`,
          width: 24,
          height: 10,
          queries: [{ queryType: 'overview', version: QUERY_VERSION, filters: [...SERVICE] }],
          // Frames of an overview: services, edges, operations.
          options: { frameIndex: 2, sortBy: [{ displayName: 'Requests', desc: true }] },
          overrides: [
            { field: 'target', properties: asOverride(serviceLink('${__value.raw:percentencode}')) },
            {
              field: 'source',
              properties: asOverride(
                edgeLink('${__data.fields.source:percentencode}', '${__data.fields.target:percentencode}')
              ),
            },
          ],
        },
      ],
    },
  ],
});
