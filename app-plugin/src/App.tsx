import { type AppRootProps } from '@grafana/data';
import { getDataSourceSrv, locationService } from '@grafana/runtime';
import { SceneApp } from '@grafana/scenes';
import { Alert, TextLink } from '@grafana/ui';
import { useLayoutEffect, useMemo } from 'react';
import { BASE_URL, DATASOURCE_TYPE } from './constants.ts';
import { withContext } from './links.tsx';
import { edgePage } from './pages/edge.tsx';
import { homePage } from './pages/home.tsx';
import { servicePage } from './pages/service.tsx';
import { servicesPage } from './pages/services.tsx';
import { topologyPage } from './pages/topology.tsx';
import { tracePage } from './pages/trace.tsx';
import { tracesPage } from './pages/traces.tsx';
import { routes } from './routes.ts';

export function App(_props: AppRootProps) {
  const hasDatasource = getDataSourceSrv().getList({ type: DATASOURCE_TYPE }).length > 0;
  const app = useMemo(
    () =>
      hasDatasource
        ? new SceneApp({
            name: 'throughline',
            pages: [homePage(), servicesPage(), servicePage(), topologyPage(), edgePage(), tracesPage(), tracePage()],
            urlSyncOptions: { updateUrlOnInit: true, createBrowserHistorySteps: true },
          })
        : undefined,
    [hasDatasource]
  );
  useLayoutEffect(() => {
    const { pathname } = locationService.getLocation();
    if (pathname.replace(/\/$/, '').endsWith(BASE_URL)) locationService.replace(withContext(routes.home()));
  }, []);
  if (!app) {
    return (
      <Alert severity="info" title="No Throughline data source yet">
        The pages read from one. <TextLink href="/connections/datasources/new">Add a data source</TextLink> of type
        Throughline, give it the address of ClickHouse and a token that reads, then come back.
      </Alert>
    );
  }
  return <app.Component model={app} />;
}
