import { type GrafanaTheme2 } from '@grafana/data';
import { getBackendSrv, locationService } from '@grafana/runtime';
import { type EmbeddedScene, UrlSyncContextProvider } from '@grafana/scenes';
import { css } from '@emotion/css';
import { Alert, LoadingPlaceholder, useStyles2 } from '@grafana/ui';
import { useEffect, useState } from 'react';
import { useParams } from 'react-router';
import { type DashboardJson, toScene } from '../dashboards.ts';
import { importPanelPlugin, registerPanel } from '../pluginLoader.ts';
import { unknownPanel } from '../standIns/index.tsx';

/** One of provisioning/dashboards, as it ships. */
export function DashboardPage() {
  const styles = useStyles2(getStyles);
  const { uid = '' } = useParams();
  const [loaded, setLoaded] = useState<{ title: string; scene: EmbeddedScene }>();
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    let isCurrent = true;
    getBackendSrv()
      .get<{ dashboard: DashboardJson }>(`/api/dashboards/uid/${uid}`)
      .then(async ({ dashboard }) => {
        await registerUnknown(dashboard);
        if (isCurrent) setLoaded({ title: dashboard.title, scene: toScene(dashboard) });
      })
      .catch((error: { data?: { message?: string } }) => setFailure(error.data?.message ?? String(error)));
    return () => {
      isCurrent = false;
    };
  }, [uid]);
  if (failure !== undefined)
    return (
      <Alert severity="error" title={`Dashboard ${uid}`}>
        {failure}
      </Alert>
    );
  if (!loaded) return <LoadingPlaceholder text="Loading dashboard" />;
  const { scene, title } = loaded;
  return (
    <div className={styles.page}>
      <h1 className={styles.title}>{title}</h1>
      <UrlSyncContextProvider scene={scene} updateUrlOnInit createBrowserHistorySteps>
        <scene.Component model={scene} />
      </UrlSyncContextProvider>
    </div>
  );
}

async function registerUnknown({ panels }: DashboardJson): Promise<void> {
  const types = new Set(panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]).map(({ type }) => type));
  types.delete('row');
  await Promise.all(
    Array.from(types, (type) => importPanelPlugin(type).catch(() => registerPanel(unknownPanel(type))))
  );
}

interface FoundDashboard {
  readonly uid: string;
  readonly title: string;
}

export function DashboardsPage() {
  const styles = useStyles2(getStyles);
  const [found, setFound] = useState<readonly FoundDashboard[]>();
  useEffect(() => {
    void getBackendSrv().get<FoundDashboard[]>('/api/search').then(setFound);
  }, []);
  return (
    <div className={styles.page}>
      <h1 className={styles.title}>Dashboards</h1>
      <ul className={styles.list}>
        {found?.map(({ uid, title }) => (
          <li key={uid}>
            <a
              href={`/d/${uid}`}
              onClick={(event) => {
                event.preventDefault();
                locationService.push(`/d/${uid}`);
              }}
            >
              {title}
            </a>
          </li>
        ))}
      </ul>
      {found?.length === 0 && <p>provisioning/dashboards has none.</p>}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ display: 'flex', flexDirection: 'column', flexGrow: 1, padding: theme.spacing(2) }),
  title: css({ fontSize: theme.typography.h4.fontSize, margin: theme.spacing(0, 0, 1) }),
  list: css({
    listStyle: 'none',
    li: { padding: theme.spacing(1, 0), borderBottom: `1px solid ${theme.colors.border.weak}` },
    a: { color: theme.colors.text.link },
  }),
});
