import { type AppPlugin, type AppRootProps, PluginContextProvider } from '@grafana/data';
import { Alert, LoadingPlaceholder } from '@grafana/ui';
import { type ComponentType, useEffect, useState } from 'react';
import { useParams } from 'react-router';
import { importAppPlugin } from '../pluginLoader.ts';

export function AppPage() {
  const { id = '' } = useParams();
  const [plugin, setPlugin] = useState<AppPlugin>();
  const [failure, setFailure] = useState<Error>();
  useEffect(() => {
    importAppPlugin(id).then(setPlugin, setFailure);
  }, [id]);
  if (failure)
    return (
      <Alert severity="error" title={`${id} could not be loaded`}>
        {failure.message}
      </Alert>
    );
  const Root = plugin?.root as ComponentType<AppRootProps> | undefined;
  if (!plugin || !Root) return <LoadingPlaceholder text={`Loading ${id}`} />;
  return (
    <PluginContextProvider meta={plugin.meta}>
      <Root meta={plugin.meta} basename={`/a/${id}`} path="" query={{}} onNavChanged={() => {}} />
    </PluginContextProvider>
  );
}
