import { QUERY_VERSION } from '@throughline/query';
import { dashboard } from '../panels.ts';
import { asOverride, edgeLink, serviceLink, UIDS } from './links.ts';

export const topology = dashboard({
  uid: UIDS.topology,
  title: 'Throughline: topology',
  description: 'Who calls whom, and where failures begin.',
  events: {},
  rows: [
    {
      panels: [
        {
          type: 'throughline-topology-panel',
          title: 'Services and their calls',
          description: 'One node per service or far end. Red edges fail, and the one where failures begin is marked.',
          width: 24,
          height: 20,
          // The overview tells the panel what was before: without it nothing is slow.
          queries: [
            { queryType: 'serviceMap', version: QUERY_VERSION, limit: 2_000 },
            { queryType: 'overview', version: QUERY_VERSION, limit: 500 },
          ],
        },
      ],
    },
    {
      panels: [
        {
          type: 'table',
          title: 'Services',
          description: 'The end of the time range and the time before it, by service or far end.',
          width: 12,
          height: 10,
          queries: [{ queryType: 'overview', version: QUERY_VERSION, limit: 500 }],
          // Frames of an overview: services, edges, operations.
          options: { frameIndex: 0 },
          overrides: [{ field: 'service', properties: asOverride(serviceLink('${__value.raw:percentencode}')) }],
        },
        {
          type: 'table',
          title: 'Edges',
          description: 'One row per edge and side that saw it.',
          width: 12,
          height: 10,
          queries: [{ queryType: 'overview', version: QUERY_VERSION, limit: 500 }],
          options: { frameIndex: 1 },
          overrides: [
            {
              field: '/^(Caller|Callee)$/',
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
