import { AppPlugin, type AppRootProps } from '@grafana/data';
import { LoadingPlaceholder } from '@grafana/ui';
import { lazy, Suspense } from 'react';

/** Scenes are half a megabyte: loaded when the app is opened, not when Grafana reads its plugins. */
const App = lazy(async () => {
  const { initTranslations } = await import('./translations.ts');
  await initTranslations();
  return { default: (await import('./App.tsx')).App };
});

export const plugin = new AppPlugin<Record<string, never>>().setRootPage((props: AppRootProps) => (
  <Suspense fallback={<LoadingPlaceholder text="Loading Throughline" />}>
    <App {...props} />
  </Suspense>
));
