/** Sets what Grafana's server writes into its page. */
export async function boot(): Promise<void> {
  const response = await fetch('/api/frontend/settings');
  if (!response.ok) throw new Error(`the workbench answers ${response.status} to /api/frontend/settings`);
  const settings = (await response.json()) as Record<string, unknown>;
  const theme = initialTheme();
  Object.assign(window, {
    __grafana_public_path__: '/public/',
    grafanaBootData: {
      assets: {},
      navTree: [],
      user: {
        id: 1,
        uid: 'workbench',
        // UserStorage keeps settings in the browser then.
        isSignedIn: false,
        login: 'workbench',
        name: 'Workbench',
        orgId: 1,
        orgName: 'Main Org.',
        orgRole: 'Admin',
        isGrafanaAdmin: true,
        theme,
        lightTheme: theme === 'light',
        timezone: 'browser',
        weekStart: 'monday',
        locale: 'en-US',
        language: 'en-US',
        regionalFormat: 'en-US',
        permissions: {},
      },
      settings: {
        appSubUrl: '',
        appUrl: `${location.origin}/`,
        buildInfo: { version: buildVersion, commit: 'workbench', env: 'production', edition: 'Open Source' },
        featureToggles: {},
        liveEnabled: false,
        exploreEnabled: true,
        minRefreshInterval: '1s',
        ...settings,
      },
    },
  });
}

export type ThemeName = 'dark' | 'light';

const THEME_KEY = 'workbench.theme';

function initialTheme(): ThemeName {
  const asked = new URLSearchParams(location.search).get('theme') ?? localStorage.getItem(THEME_KEY);
  return asked === 'light' ? 'light' : 'dark';
}

export function rememberTheme(theme: ThemeName): void {
  localStorage.setItem(THEME_KEY, theme);
}

/** Version of the packages that the page is built from; esbuild fills it in. */
declare const GRAFANA_VERSION: string;
const buildVersion = GRAFANA_VERSION;
