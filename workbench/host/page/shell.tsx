import { AppEvents, type GrafanaTheme2, type PluginInclude } from '@grafana/data';
import { config, locationService, LocationServiceProvider } from '@grafana/runtime';
import { css, cx } from '@emotion/css';
import {
  Alert,
  type AlertVariant,
  ErrorBoundaryAlert,
  Icon,
  IconButton,
  type IconName,
  useStyles2,
  useTheme2,
} from '@grafana/ui';
import { type MouseEvent, type ReactNode, useEffect, useLayoutEffect, useState } from 'react';
import { type Navigator, Navigate, Route, Router, Routes } from 'react-router';
import { AppPage } from './pages/AppPage.tsx';
import { DashboardPage, DashboardsPage } from './pages/DashboardPage.tsx';
import { DatasourcePage } from './pages/DatasourcePage.tsx';
import { ExplorePage } from './pages/ExplorePage.tsx';
import { appEvents } from './services.ts';
import { setTheme } from './theme.ts';

/** What Grafana draws around a page, plainly: a bar on top, a rail of links. It has no mark of Grafana's. */

const APP_ID = 'throughline-app';

interface NavLink {
  readonly text: string;
  readonly url: string;
  readonly icon: IconName;
}

function navLinks(): { readonly app: NavLink[]; readonly host: NavLink[] } {
  const icons: Readonly<Record<string, IconName>> = {
    Home: 'home-alt',
    Services: 'cube',
    Topology: 'sitemap',
    Traces: 'gf-traces',
  };
  const app = (config.apps as Record<string, { includes?: PluginInclude[] }>)[APP_ID];
  const pages = app?.includes?.filter(({ type, addToNav }) => String(type) === 'page' && addToNav === true) ?? [];
  return {
    app: pages.map(({ name, path }) => ({ text: name, url: path ?? '', icon: icons[name] ?? 'file-alt' })),
    host: [
      { text: 'Dashboards', url: '/dashboards', icon: 'apps' },
      { text: 'Explore', url: '/explore', icon: 'compass' },
      { text: 'Data source', url: '/connections/datasources/edit/throughline', icon: 'database' },
    ],
  };
}

export function Shell() {
  const styles = useStyles2(getStyles);
  const history = locationService.getHistory();
  const [location, setLocation] = useState(history.location);
  const [isNavOpen, setNavOpen] = useState(false);
  useLayoutEffect(
    () =>
      history.listen((next: typeof location) => {
        setLocation(next);
        setNavOpen(false);
      }),
    [history]
  );
  return (
    <Router location={location as never} navigator={history as unknown as Navigator}>
      <LocationServiceProvider service={locationService}>
        <div className={styles.shell}>
          <TopBar path={location.pathname} onMenu={() => setNavOpen(!isNavOpen)} isNavOpen={isNavOpen} />
          <Rail path={location.pathname} isOpen={isNavOpen} />
          <Notices />
          <main className={styles.main} id="pageContent">
            <ErrorBoundaryAlert dependencies={[location.pathname]}>
              <Routes>
                <Route path="/" element={<Navigate to={`/a/${APP_ID}/home${location.search}`} replace />} />
                <Route path="/a/:id/*" element={<AppPage />} />
                <Route path="/d/:uid/*" element={<DashboardPage />} />
                <Route path="/dashboards" element={<DashboardsPage />} />
                <Route path="/explore" element={<ExplorePage />} />
                <Route path="/connections/datasources/edit/:uid" element={<DatasourcePage />} />
                <Route path="*" element={<Alert severity="warning" title="Nothing is at this address" />} />
              </Routes>
            </ErrorBoundaryAlert>
          </main>
        </div>
      </LocationServiceProvider>
    </Router>
  );
}

interface TopBarProps {
  readonly path: string;
  readonly isNavOpen: boolean;
  readonly onMenu: () => void;
}

function TopBar({ path, isNavOpen, onMenu }: TopBarProps) {
  const styles = useStyles2(getStyles);
  const theme = useTheme2();
  const { app, host } = navLinks();
  const here = [...app, ...host].find(({ url }) => path.startsWith(url));
  return (
    <header className={styles.top}>
      <IconButton
        className={styles.menu}
        name="bars"
        size="lg"
        aria-label={isNavOpen ? 'Close menu' : 'Open menu'}
        aria-expanded={isNavOpen}
        onClick={onMenu}
      />
      <span className={styles.brand}>Workbench</span>
      {here && (
        <>
          <Icon name="angle-right" />
          <span>{here.text}</span>
        </>
      )}
      <span className={styles.space} />
      <IconButton
        name="adjust-circle"
        size="lg"
        data-testid="toggle-theme"
        aria-label={theme.isDark ? 'Light theme' : 'Dark theme'}
        tooltip={theme.isDark ? 'Light theme' : 'Dark theme'}
        onClick={() => setTheme(theme.isDark ? 'light' : 'dark')}
      />
    </header>
  );
}

function Rail({ path, isOpen }: { readonly path: string; readonly isOpen: boolean }) {
  const styles = useStyles2(getStyles);
  const { app, host } = navLinks();
  return (
    <nav className={cx(styles.rail, isOpen && styles.railOpen)} aria-label="Pages">
      {[...app, ...host].map(({ text, url, icon }) => (
        <RailLink key={url} url={url} isActive={path.startsWith(url)}>
          <Icon name={icon} size="lg" />
          <span className={styles.railText}>{text}</span>
        </RailLink>
      ))}
    </nav>
  );
}

interface RailLinkProps {
  readonly url: string;
  readonly isActive: boolean;
  readonly children: ReactNode;
}

function RailLink({ url, isActive, children }: RailLinkProps) {
  const styles = useStyles2(getStyles);
  const go = (event: MouseEvent): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    // The time range goes along, as it does in Grafana's drilldowns.
    const { from, to } = locationService.getSearchObject();
    const range = [from && `from=${String(from)}`, to && `to=${String(to)}`].filter(Boolean).join('&');
    locationService.push(range && url.startsWith('/a/') ? `${url}?${range}` : url);
  };
  return (
    <a
      href={url}
      onClick={go}
      aria-current={isActive ? 'page' : undefined}
      className={cx(styles.link, isActive && styles.active)}
    >
      {children}
    </a>
  );
}

interface Notice {
  readonly id: number;
  readonly severity: AlertVariant;
  readonly title: string;
  readonly text: string | undefined;
}

let noticeCount = 0;

function Notices() {
  const [notices, setNotices] = useState<readonly Notice[]>([]);
  const styles = useStyles2(getStyles);
  useEffect(() => {
    const kinds: readonly (readonly [string, AlertVariant])[] = [
      [AppEvents.alertError.name, 'error'],
      [AppEvents.alertWarning.name, 'warning'],
      [AppEvents.alertSuccess.name, 'success'],
      [AppEvents.alertInfo.name, 'info'],
    ];
    const subscriptions = kinds.map(([name, severity]) =>
      appEvents.getStream({ name } as never).subscribe((event) => {
        const [title, text] = (event as { payload: readonly [unknown, string?] }).payload;
        setNotices((all) => [...all, { id: noticeCount++, severity, title: String(title), text }]);
      })
    );
    return () => subscriptions.forEach((subscription) => subscription.unsubscribe());
  }, []);
  return (
    <div className={styles.notices}>
      {notices.map(({ id, severity, title, text }) => (
        <Alert
          key={id}
          severity={severity}
          title={title}
          onRemove={() => setNotices((all) => all.filter((notice) => notice.id !== id))}
        >
          {text}
        </Alert>
      ))}
    </div>
  );
}

const RAIL = 168;
const TOP = 40;
const NARROW = '@media (max-width: 900px)';

const getStyles = (theme: GrafanaTheme2) => ({
  shell: css({
    display: 'grid',
    gridTemplateColumns: `${RAIL}px minmax(0, 1fr)`,
    gridTemplateRows: `${TOP}px minmax(0, 1fr)`,
    height: '100%',
    background: theme.colors.background.canvas,
    [NARROW]: { gridTemplateColumns: 'minmax(0, 1fr)' },
  }),
  top: css({
    gridColumn: '1 / -1',
    display: 'flex',
    alignItems: 'center',
    gap: theme.spacing(1),
    padding: theme.spacing(0, 2),
    background: theme.colors.background.primary,
    borderBottom: `1px solid ${theme.colors.border.weak}`,
  }),
  menu: css({ display: 'none', [NARROW]: { display: 'inline-flex' } }),
  brand: css({ fontWeight: theme.typography.fontWeightMedium }),
  space: css({ flexGrow: 1 }),
  rail: css({
    display: 'flex',
    flexDirection: 'column',
    padding: theme.spacing(1),
    background: theme.colors.background.primary,
    borderRight: `1px solid ${theme.colors.border.weak}`,
    overflow: 'auto',
    [NARROW]: { display: 'none' },
  }),
  railOpen: css({
    [NARROW]: {
      display: 'flex',
      position: 'fixed',
      top: TOP,
      left: 0,
      bottom: 0,
      width: RAIL,
      zIndex: theme.zIndex.navbarFixed,
      boxShadow: theme.shadows.z3,
    },
  }),
  railText: css({ overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }),
  link: css({
    display: 'flex',
    alignItems: 'center',
    gap: theme.spacing(1),
    padding: theme.spacing(0.75, 1),
    borderRadius: theme.shape.radius.default,
    color: theme.colors.text.secondary,
    '&:hover': { background: theme.colors.action.hover, color: theme.colors.text.primary },
  }),
  active: css({ background: theme.colors.action.selected, color: theme.colors.text.primary }),
  main: css({ overflow: 'auto', display: 'flex', flexDirection: 'column', minWidth: 0 }),
  notices: css({ position: 'fixed', right: theme.spacing(2), top: TOP + 8, zIndex: theme.zIndex.modal, maxWidth: 480 }),
});
