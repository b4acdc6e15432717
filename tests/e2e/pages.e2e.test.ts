import { existsSync } from 'node:fs';
import { type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packagesOf, type PackageSet } from '../../workbench/host/pageBuild.ts';
import { accessibilityViolations, browserMissing, launchBrowser, LOOKS, openPage } from './browser.ts';
import { type Product, startProduct } from './product.ts';

/**
 * Every page on live traffic, dark and light, wide and narrow, on host pages built from the current and from the oldest
 * supported packages of Grafana: it shows its data, asks nobody but this machine, logs no error, has no accessibility
 * violation.
 */

const missing = browserMissing();
if (missing !== undefined) console.warn(`browser tests are skipped: ${missing}`);

const SETS: readonly PackageSet[] = ['current', 'oldest'];
const isInstalled = (set: PackageSet): boolean => existsSync(packagesOf(set));
if (!isInstalled('oldest')) console.warn('the oldest packages are not installed: their host page is not tested');

interface Visit {
  readonly name: string;
  readonly path: (ids: { readonly traceId: string }) => string;
  /** Holds once the page shows what it is for. */
  readonly shows: (page: Page) => Promise<unknown>;
}

const finding = (text: RegExp) => (page: Page) =>
  page.getByTestId('finding').filter({ hasText: text }).waitFor({ timeout: 30_000 });
const app = (page: string): string => `/a/throughline-app/${page}`;

const VISITS: readonly Visit[] = [
  {
    name: 'home',
    path: () => app('home'),
    shows: async (page) => {
      await finding(/services answer|fail|slow/)(page);
      await page
        .getByRole('cell', { name: /checkout/ })
        .first()
        .waitFor();
    },
  },
  { name: 'services', path: () => app('services'), shows: finding(/services and stores answer/) },
  { name: 'service', path: () => app('service?service=payments'), shows: finding(/^payments/) },
  {
    name: 'topology',
    path: () => app('topology'),
    shows: (page) =>
      page
        .getByRole('treeitem', { name: / calls / })
        .first()
        .waitFor({ state: 'attached', timeout: 30_000 }),
  },
  {
    name: 'edge',
    path: () => app('edge?source=checkout&target=payments'),
    shows: finding(/checkout → payments|payments/),
  },
  { name: 'traces', path: () => app('traces'), shows: finding(/requests, /) },
  {
    name: 'trace',
    path: ({ traceId }) => app(`trace?id=${traceId}`),
    shows: (page) =>
      page.getByRole('treegrid').getByRole('row').first().waitFor({ state: 'attached', timeout: 30_000 }),
  },
  {
    name: 'explore: traces',
    path: () => '/explore',
    shows: (page) => page.getByRole('table').first().waitFor({ timeout: 30_000 }),
  },
  {
    name: 'explore: map',
    path: () => explore({ queryType: 'serviceMap', version: 1 }),
    shows: (page) => page.getByRole('tree').first().waitFor({ state: 'attached', timeout: 30_000 }),
  },
  {
    name: 'explore: trace by id',
    path: ({ traceId }) => explore({ query: traceId }),
    shows: (page) => page.getByRole('treegrid').first().waitFor({ state: 'attached', timeout: 30_000 }),
  },
  {
    name: 'data source',
    path: () => '/connections/datasources/edit/throughline',
    shows: async (page) => {
      await page.getByRole('button', { name: 'Test' }).click();
      await page.getByTestId('datasource-health').filter({ hasText: 'Connected' }).waitFor({ timeout: 15_000 });
    },
  },
  {
    name: 'dashboards',
    path: () => '/dashboards',
    shows: (page) =>
      page
        .getByRole('link', { name: /service/i })
        .first()
        .waitFor(),
  },
];

function explore(query: object): string {
  const pane = {
    datasource: 'throughline',
    queries: [{ refId: 'A', ...query }],
    range: { from: 'now-15m', to: 'now' },
  };
  return `/explore?schemaVersion=1&panes=${encodeURIComponent(JSON.stringify({ a: pane }))}`;
}

describe.skipIf(missing !== undefined)('pages', () => {
  let product: Product;
  let browser: Browser;
  const urls = new Map<PackageSet, string>();
  let traceId = '';
  let dashboards: readonly { readonly uid: string; readonly title: string }[] = [];

  beforeAll(async () => {
    product = await startProduct();
    urls.set('current', product.url);
    if (isInstalled('oldest')) urls.set('oldest', await product.host({ packages: 'oldest' }));
    browser = await launchBrowser();
    traceId = await longestTrace(product);
    dashboards = (await (await fetch(`${product.url}/api/search`)).json()) as typeof dashboards;
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  });

  for (const set of SETS) {
    for (const look of LOOKS) {
      it.skipIf(!isInstalled(set))(
        `${set} packages, ${look.theme}, ${look.width} px`,
        async () => {
          const opened = await openPage(browser, look);
          const wrong: string[] = [];
          for (const { name, path, shows } of VISITS) {
            await opened.page.goto(urls.get(set)! + path({ traceId }));
            await shows(opened.page).catch(async (error: Error) => {
              const text = (await opened.page.locator('#pageContent').innerText()).slice(0, 400);
              wrong.push(`${name} does not show what it is for: ${error.message.split('\n')[0]}; it says: ${text}`);
            });
            for (const violation of await accessibilityViolations(opened.page)) wrong.push(`${name}: ${violation}`);
            const overflow = await opened.page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
            if (Number(overflow) > 1) wrong.push(`${name} is ${String(overflow)} px wider than the window`);
          }
          await opened.close();
          expect([...wrong, ...opened.problems]).toEqual([]);
        },
        240_000
      );
    }
  }

  it('shows every provisioned dashboard without an error or an unknown panel', async () => {
    const opened = await openPage(browser, LOOKS[0]!);
    expect(dashboards.length).toBeGreaterThanOrEqual(6);
    const wrong: string[] = [];
    for (const { uid, title } of dashboards) {
      await opened.page.goto(`${product.url}/d/${uid}`);
      await opened.page.getByRole('heading', { name: title }).waitFor();
      await opened.page.waitForLoadState('networkidle');
      await opened.page.waitForTimeout(1_500);
      const failed = await opened.page.getByTestId('data-testid Panel status error').count();
      const unknown = await opened.page.getByTestId('unknown-panel').count();
      if (failed > 0 || unknown > 0) wrong.push(`${title}: ${failed} panels with an error, ${unknown} unknown`);
    }
    await opened.close();
    expect([...wrong, ...opened.problems]).toEqual([]);
  }, 180_000);

  it('works under Grafana’s own Content-Security-Policy, workers and styles included', async () => {
    const url = await product.host({ csp: true });
    const opened = await openPage(browser, LOOKS[0]!);
    const response = await opened.page.goto(`${url}${app('topology')}`);
    expect(response!.headers()['content-security-policy']).toContain("'strict-dynamic'");
    await opened.page.getByRole('tree').waitFor({ state: 'attached', timeout: 30_000 });
    await opened.page.goto(`${url}${app(`trace?id=${traceId}`)}`);
    await opened.page.getByRole('treegrid').getByRole('row').first().waitFor({ state: 'attached', timeout: 30_000 });
    await opened.close();
    expect(opened.problems).toEqual([]);
  }, 90_000);

  it('shares the host’s modules: one React on the page', async () => {
    const opened = await openPage(browser, LOOKS[0]!);
    await opened.page.goto(`${product.url}${app('home')}`);
    await finding(/services|fail|slow/)(opened.page);
    // A plugin with a React of its own would carry its reconciler's or hook dispatcher's internals.
    const scripts = await opened.page.evaluate(
      `performance.getEntriesByType('resource').map((entry) => entry.name).filter((name) => name.includes('/public/plugins/'))`
    );
    const bodies = await Promise.all((scripts as string[]).map(async (script) => (await fetch(script)).text()));
    expect(bodies.length).toBeGreaterThan(1);
    for (const body of bodies)
      expect(body).not.toMatch(/__CLIENT_INTERNALS_DO_NOT_USE|__SECRET_INTERNALS_DO_NOT_USE|react-reconciler/);
    await opened.close();
  }, 60_000);
});

async function longestTrace({ sql }: Product): Promise<string> {
  for (let attempt = 0; attempt < 40; attempt++) {
    const [row] = await sql(
      `SELECT lower(hex(SpanId)) AS id FROM spans WHERE SpanKind = 'Server' AND Endpoint = '/api/checkout' AND Timestamp < now() - 5 ORDER BY Duration DESC LIMIT 1`
    );
    if (row) return row['id']!;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  throw new Error('no checkout was seen');
}
