import { sceneGraph } from '@grafana/scenes';
import { FilterInput, useStyles2 } from '@grafana/ui';
import { formatRate, plural } from '@throughline/viz';
import { useMemo } from 'react';
import { appPage, query } from '../appPage.ts';
import { type AppPageBody } from '../AppPageBody.ts';
import { Box } from '../components/Box.tsx';
import { answered, DataState, Nothing } from '../components/DataState.tsx';
import { PageHeader } from '../components/PageHeader.tsx';
import { getPageStyles } from '../components/styles.ts';
import { findFindings, serviceState } from '../model/findings.ts';
import { freshnessBadges, readFreshness } from '../model/freshness.ts';
import { type Overview, readOverview } from '../model/overview.ts';
import { curvesByService } from '../model/series.ts';
import { ServicesTable } from './servicesTable.tsx';

export const servicesPage = () =>
  appPage({
    title: 'Services',
    path: 'services',
    keys: ['filter'],
    queriesOf: () => [
      query('overview', { queryType: 'overview' }),
      query('freshness', { queryType: 'freshness' }),
      query('curves', { queryType: 'red', metrics: ['rate', 'errorShare', 'p95'], groupBy: 'service', limit: 200 }),
    ],
    View: ServicesView,
  });

function ServicesView({ body }: { readonly body: AppPageBody }) {
  const styles = useStyles2(getPageStyles);
  const { data } = sceneGraph.getData(body).useState();
  const { params } = body.useState();
  const series = answered(data);
  const { overview, findings, curves } = useMemo(() => {
    const read = readOverview(series ?? []);
    return { overview: read, findings: findFindings(read), curves: curvesByService(series ?? []) };
  }, [series]);
  return (
    <div className={styles.page}>
      <PageHeader
        finding={series ? servicesFinding(overview) : 'Reading services'}
        badges={series ? freshnessBadges(readFreshness(series)) : []}
      />
      <DataState
        data={data}
        awaited="services"
        isEmpty={overview.services.length === 0}
        onRetry={() => body.refresh()}
        empty={<Nothing message="No service was called in this time range">Choose a longer time range.</Nothing>}
      >
        <Box
          title="Services"
          hint="what is wrong first"
          actions={
            <FilterInput
              placeholder="Find a service"
              aria-label="Find a service"
              width={28}
              value={params['filter'] ?? ''}
              onChange={(filter) => body.setParams({ filter })}
            />
          }
        >
          <ServicesTable overview={overview} findings={findings} curves={curves} filter={params['filter'] ?? ''} />
        </Box>
      </DataState>
    </div>
  );
}

function servicesFinding({ services }: Overview): string {
  const states = services.map(serviceState);
  const failing = states.filter((state) => state === 'failing').length;
  const slow = states.filter((state) => state === 'slow').length;
  const asked = services.filter(({ requests }) => requests > 0);
  const rate = asked.reduce((sum, row) => sum + (row.rate ?? 0), 0);
  const wrong = [failing > 0 && `${failing} failing`, slow > 0 && `${slow} slow`].filter(Boolean).join(', ');
  return `${plural(asked.length, 'service')} and stores answer ${formatRate(rate)}: ${wrong === '' ? 'none fails, none is slow' : wrong}`;
}
