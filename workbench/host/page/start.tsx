import 'monaco-editor/min/vs/editor/editor.main.css';
import { ThemeContext } from '@grafana/data';
import { config, ThemeChangedEvent } from '@grafana/runtime';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import { type ReactNode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { registerPanel, shareModules } from './pluginLoader.ts';
import { appEvents, initServices } from './services.ts';
import { Shell } from './shell.tsx';
import { standInPanels } from './standIns/index.tsx';

Object.assign(window, { MonacoEnvironment: { getWorkerUrl: () => '/build/editor.worker.js' } });

export async function start(): Promise<void> {
  await initServices();
  await shareModules();
  for (const panel of standInPanels()) registerPanel(panel);
  performance.mark('services');
  createRoot(document.getElementById('root')!).render(
    <Themed>
      <GlobalStyles />
      <Shell />
      <PortalContainer />
    </Themed>
  );
}

function Themed({ children }: { readonly children: ReactNode }) {
  const [theme, setTheme] = useState(config.theme2);
  useEffect(() => {
    const subscription = appEvents.subscribe(ThemeChangedEvent, ({ payload }) => setTheme(payload));
    return () => subscription.unsubscribe();
  }, []);
  useEffect(() => {
    document.documentElement.style.colorScheme = theme.isDark ? 'dark' : 'light';
  }, [theme]);
  return <ThemeContext.Provider value={theme}>{children}</ThemeContext.Provider>;
}
