import { type FieldConfigSource } from '@grafana/data';
import { sceneGraph, SceneQueryRunner, VizPanel } from '@grafana/scenes';
import { css } from '@emotion/css';
import { useStyles2 } from '@grafana/ui';
import { useMemo } from 'react';
import { appPage, DATASOURCE, query } from '../appPage.ts';
import { type AppPageBody } from '../AppPageBody.ts';
import { answered } from '../components/DataState.tsx';
import { PageHeader } from '../components/PageHeader.tsx';
import { getPageStyles } from '../components/styles.ts';
import { TOPOLOGY_PANEL } from '../constants.ts';
import { findFindings, headline } from '../model/findings.ts';
import { freshnessBadges, readFreshness } from '../model/freshness.ts';
import { readOverview } from '../model/overview.ts';

const NO_FIELD_CONFIG: FieldConfigSource = { defaults: {}, overrides: [] };

export const topologyPage = () =>
  appPage({
    title: 'Topology',
    path: 'topology',
    keys: ['focus'],
    queriesOf: () => [query('overview', { queryType: 'overview' }), query('freshness', { queryType: 'freshness' })],
    panelsOf: ({ focus = '' }) => [
      new VizPanel({
        pluginId: TOPOLOGY_PANEL,
        title: '',
        hoverHeader: true,
        displayMode: 'transparent',
        options: { focus },
        fieldConfig: NO_FIELD_CONFIG,
        $data: new SceneQueryRunner({
          datasource: DATASOURCE, // The overview tells the panel what was before: without it nothing is slow.
          queries: [query('map', { queryType: 'serviceMap' }), query('overview', { queryType: 'overview' })],
        }),
      }),
    ],
    View: TopologyView,
  });

function TopologyView({ body }: { readonly body: AppPageBody }) {
  const styles = useStyles2(getPageStyles);
  const own = useStyles2(getStyles);
  const { panels } = body.useState();
  const { data } = sceneGraph.getData(body).useState();
  const series = answered(data);
  const { finding, badges } = useMemo(() => {
    const overview = readOverview(series ?? []);
    return {
      finding: series ? headline(overview, findFindings(overview), 'on Home') : 'Reading who calls whom',
      badges: series ? freshnessBadges(readFreshness(series)) : [],
    };
  }, [series]);
  return (
    <div className={styles.page}>
      <PageHeader finding={finding} badges={badges} />
      <div className={own.map}>
        {panels.map((panel) => (
          <panel.Component key={panel.state.key} model={panel} />
        ))}
      </div>
    </div>
  );
}

const getStyles = () => ({ map: css({ flexGrow: 1, minHeight: 520, display: 'flex' }) });
