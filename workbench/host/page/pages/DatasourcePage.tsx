import {
  type DataSourceApi,
  type DataSourcePlugin,
  DataSourcePluginContextProvider,
  type DataSourcePluginOptionsEditorProps,
  type DataSourceSettings,
  type GrafanaTheme2,
} from '@grafana/data';
import { config, getBackendSrv, getDataSourceSrv } from '@grafana/runtime';
import { css } from '@emotion/css';
import { Alert, Button, LoadingPlaceholder, useStyles2 } from '@grafana/ui';
import { type ComponentType, useEffect, useState } from 'react';
import { useParams } from 'react-router';
import { importDatasourcePlugin } from '../pluginLoader.ts';

interface Verdict {
  readonly severity: 'success' | 'error';
  readonly title: string;
  readonly details: string;
}

/** The plugin's own config editor and its health check. Settings are the workbench's: what is typed here is not kept. */
export function DatasourcePage() {
  const styles = useStyles2(getStyles);
  const { uid = '' } = useParams();
  const settings = Object.values(config.datasources).find((each) => each.uid === uid);
  const [plugin, setPlugin] = useState<DataSourcePlugin<DataSourceApi>>();
  const [options, setOptions] = useState<DataSourceSettings>();
  const [verdict, setVerdict] = useState<Verdict>();
  const [isTesting, setTesting] = useState(false);
  useEffect(() => {
    if (!settings) return;
    void importDatasourcePlugin(settings.meta).then(setPlugin);
    void getBackendSrv().get<DataSourceSettings>(`/api/datasources/uid/${settings.uid}`).then(setOptions);
  }, [settings]);
  if (!settings) return <Alert severity="error" title={`There is no data source ${uid}`} />;
  if (!plugin || !options) return <LoadingPlaceholder text="Loading" />;
  const Editor = plugin.components.ConfigEditor as
    ComponentType<DataSourcePluginOptionsEditorProps<object, object>> | undefined;
  const test = async (): Promise<void> => {
    setTesting(true);
    setVerdict(await testDatasource(uid));
    setTesting(false);
  };
  return (
    <DataSourcePluginContextProvider instanceSettings={settings}>
      <div className={styles.page}>
        <h1 className={styles.title}>{settings.name}</h1>
        {Editor && <Editor options={options} onOptionsChange={setOptions as never} />}
        <div>
          <Button onClick={() => void test()} disabled={isTesting} icon={isTesting ? 'fa fa-spinner' : 'check'}>
            {isTesting ? 'Testing' : 'Test'}
          </Button>
        </div>
        {verdict && (
          <Alert severity={verdict.severity} title={verdict.title} data-testid="datasource-health">
            {verdict.details}
          </Alert>
        )}
      </div>
    </DataSourcePluginContextProvider>
  );
}

async function testDatasource(uid: string): Promise<Verdict> {
  try {
    const datasource = await getDataSourceSrv().get(uid);
    const result = (await datasource.testDatasource()) as { status: string; message: string };
    const isOk = result.status.toLowerCase() === 'ok' || result.status === 'success';
    return { severity: isOk ? 'success' : 'error', title: result.message, details: '' };
  } catch (error) {
    const { message, details } = error as { message?: string; details?: { verboseMessage?: string } };
    return { severity: 'error', title: message ?? String(error), details: details?.verboseMessage ?? '' };
  }
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(2),
    padding: theme.spacing(2),
    maxWidth: 900,
  }),
  title: css({ fontSize: theme.typography.h3.fontSize, margin: 0 }),
});
