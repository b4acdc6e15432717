import { QUERY_VERSION } from '@throughline/query';
import { dashboard, sqlVariable, textVariable } from '../panels.ts';
import { asOverride, traceLink, UIDS } from './links.ts';
import { serviceNames } from './sqlParts.ts';

const FILTERS = [{ key: 'service', operator: '=', value: '$service' }] as const;

export const traces = dashboard({
  uid: UIDS.traces,
  title: 'Throughline: traces',
  description: 'Requests by how they ended, and one of them with every hop.',
  variables: [
    sqlVariable({ name: 'service', label: 'Service', rawSql: serviceNames('server'), all: 'one' }),
    textVariable('traceId', 'Trace or span id'),
  ],
  rows: [
    {
      panels: [
        {
          type: 'table',
          title: 'Failed first, then slowest',
          description: 'Requests that arrived at the service. Click an id to see the trace below.',
          width: 12,
          height: 10,
          queries: [
            {
              queryType: 'traceSearch',
              version: QUERY_VERSION,
              of: 'requests',
              order: 'failedFirst',
              filters: [...FILTERS],
              limit: 100,
            },
          ],
          overrides: [
            { field: 'code', properties: { unit: 'none', decimals: 0 } },
            { field: 'traceID', properties: asOverride(traceLink()) },
          ],
        },
        {
          type: 'table',
          title: 'Newest',
          description: 'Requests that came from outside, whatever service they arrived at.',
          width: 12,
          height: 10,
          queries: [{ queryType: 'traceSearch', version: QUERY_VERSION, of: 'roots', order: 'recent', limit: 100 }],
          overrides: [
            { field: 'code', properties: { unit: 'none', decimals: 0 } },
            { field: 'traceID', properties: asOverride(traceLink()) },
          ],
        },
      ],
    },
    {
      panels: [
        {
          type: 'throughline-waterfall-panel',
          title: 'Trace $traceId',
          description: 'The trace of the id above, or the trace that the span with that id is in.',
          width: 24,
          height: 20,
          queries: [{ queryType: 'traceId', version: QUERY_VERSION, query: '$traceId', hops: 'rows' }],
        },
      ],
    },
  ],
});
