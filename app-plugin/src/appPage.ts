import { PageLayoutType } from '@grafana/data';
import { getDataSourceSrv } from '@grafana/runtime';
import {
  DataSourceVariable,
  EmbeddedScene,
  SceneAppPage,
  SceneControlsSpacer,
  SceneQueryRunner,
  SceneRefreshPicker,
  SceneTimePicker,
  SceneTimeRange,
  SceneVariableSet,
  VariableValueSelectors,
} from '@grafana/scenes';
import { type DataQuery, VariableHide } from '@grafana/schema';
import { QUERY_VERSION, type QueryInput } from '@throughline/query';
import { AppPageBody, type AppPageBodyOptions } from './AppPageBody.ts';
import { BASE_URL, DATASOURCE_TYPE } from './constants.ts';

export const DATASOURCE = { uid: '${ds}', type: DATASOURCE_TYPE };

const DEFAULT_RANGE = { from: 'now-15m', to: 'now' };
const REFRESH = '10s';

export interface AppPageOptions extends Omit<AppPageBodyOptions, '$data'> {
  readonly title: string;
  /** Last part of the address, as in routes.ts. */
  readonly path: string;
  readonly refresh?: string;
  readonly getParentPage?: () => SceneAppPage;
}

/** A page of the app: time range, refresh and data source on top, its content below. */
export function appPage({ title, path, refresh = REFRESH, getParentPage, ...body }: AppPageOptions): SceneAppPage {
  return new SceneAppPage({
    title,
    url: `${BASE_URL}/${path}`,
    routePath: `${path}/*`,
    layout: PageLayoutType.Custom,
    preserveUrlKeys: ['from', 'to', 'timezone', 'var-ds'],
    ...(getParentPage && { getParentPage }),
    getScene: () =>
      new EmbeddedScene({
        $timeRange: new SceneTimeRange(DEFAULT_RANGE),
        $variables: new SceneVariableSet({ variables: [datasourceVariable()] }),
        controls: [
          new VariableValueSelectors({}),
          new SceneControlsSpacer(),
          new SceneTimePicker({ isOnCanvas: true }),
          new SceneRefreshPicker({ isOnCanvas: true, refresh, intervals: ['5s', '10s', '30s', '1m', '5m'] }),
        ],
        body: new AppPageBody({
          ...body,
          $data: new SceneQueryRunner({ datasource: DATASOURCE, queries: [], maxDataPoints: 60 }),
        }),
      }),
  });
}

/** Shown only where there is a choice. */
function datasourceVariable(): DataSourceVariable {
  const isOne = getDataSourceSrv().getList({ type: DATASOURCE_TYPE }).length <= 1;
  return new DataSourceVariable({
    name: 'ds',
    label: 'Data source',
    pluginId: DATASOURCE_TYPE,
    hide: isOne ? VariableHide.hideVariable : VariableHide.dontHide,
  });
}

type WithoutVersion<Q> = Q extends unknown ? Omit<Q, 'version'> : never;

/** A query of the model as scenes take it. */
export function query(refId: string, model: WithoutVersion<QueryInput>): DataQuery {
  const saved = { ...model, refId, version: QUERY_VERSION };
  return saved;
}
