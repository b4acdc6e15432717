import { getThemeById, type GrafanaTheme2 } from '@grafana/data';
import { config, ThemeChangedEvent } from '@grafana/runtime';
import { rememberTheme, type ThemeName } from './boot.ts';
import { appEvents } from './services.ts';

/** Changes the theme of everything on screen, without a reload. */
export function setTheme(name: ThemeName): void {
  const theme: GrafanaTheme2 = getThemeById(name);
  rememberTheme(name);
  config.theme2 = theme;
  config.bootData.user.theme = name;
  config.bootData.user.lightTheme = theme.isLight;
  appEvents.publish(new ThemeChangedEvent(theme));
}
