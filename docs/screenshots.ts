// node docs/screenshots.ts [--url http://127.0.0.1:4300] [--only NAME…]: takes docs/screenshots/*.png from a running demo
// (./throughline demo --detach, some minutes ago). Faults are switched on for the pictures that show one, and off again.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Page } from 'playwright-core';
import { launchBrowser, LOOKS, type Look, openPage } from '../tests/e2e/browser.ts';

const ROOT = resolve(import.meta.dirname, '..');
const FOLDER = join(import.meta.dirname, 'screenshots');
const app = (page: string): string => `/a/throughline-app/${page}`;

interface Picture {
  readonly name: string;
  readonly path: string | (() => Promise<string>);
  readonly height?: number;
  readonly ready: (page: Page) => Promise<unknown>;
}

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:4300' },
    only: { type: 'string', multiple: true },
  },
});
const base = values.url;

const isFound = (page: Page) =>
  page
    .getByTestId('finding')
    .filter({ hasNotText: /^Reading|^Searching/ })
    .waitFor();
const rows = (page: Page) => page.getByRole('treegrid').getByRole('row').first().waitFor({ state: 'attached' });

const CALM: readonly Picture[] = [
  { name: 'home', path: app('home'), ready: isFound },
  { name: 'services', path: app('services'), ready: isFound },
  { name: 'service', path: app('service?service=checkout'), height: 1_160, ready: isFound },
  {
    name: 'topology',
    path: app('topology'),
    ready: (page) => page.getByRole('tree').waitFor({ state: 'attached' }),
  },
  { name: 'edge', path: app('edge?source=checkout&target=payments'), height: 1_240, ready: isFound },
  { name: 'traces', path: app('traces'), ready: isFound },
  { name: 'trace', path: async () => app(`trace?id=${await slowCheckout()}`), ready: rows },
  { name: 'explore', path: '/explore', ready: (page) => page.getByRole('table').first().waitFor() },
  {
    name: 'data-source',
    path: '/connections/datasources/edit/throughline',
    ready: async (page) => {
      await page.getByRole('button', { name: 'Test' }).click();
      await page.getByTestId('datasource-health').waitFor();
    },
  },
];

const SLOW_SQL = 'from=now-5m&to=now';
/** The click path while a statement is slow: Home, the edge, a trace. */
const PATH: readonly Picture[] = [
  { name: 'path-1-home', path: app(`home?${SLOW_SQL}`), ready: isFound },
  { name: 'path-2-topology', path: app(`topology?${SLOW_SQL}`), ready: isFound },
  { name: 'path-3-edge', path: app(`edge?source=catalog&target=mariadbd&${SLOW_SQL}`), ready: isFound },
  {
    name: 'path-4-trace',
    path: async () => app(`trace?id=${await first('slowest', 'products')}`),
    ready: rows,
  },
];

const browser = await launchBrowser();
mkdirSync(FOLDER, { recursive: true });
const isWanted = ({ name }: Picture): boolean => values.only === undefined || values.only.includes(name);
for (const picture of CALM.filter(isWanted)) {
  for (const look of LOOKS) await take(picture, look);
}
const path = PATH.filter(isWanted);
if (path.length > 0) {
  fault('on');
  try {
    await delay(80_000);
    for (const picture of path) await take(picture, LOOKS[0]!);
  } finally {
    fault('off');
  }
}
await browser.close();

async function take({ name, path: where, height, ready }: Picture, look: Look): Promise<void> {
  const isWide = look.width > 1_000;
  const opened = await openPage(browser, { ...look, height: isWide ? (height ?? look.height) : look.height });
  const { page } = opened;
  await page.goto(base + (typeof where === 'string' ? where : await where()));
  await ready(page);
  // Panels of a page ask for themselves.
  await page.waitForLoadState('networkidle', { timeout: 4_000 }).catch(() => undefined);
  await page.waitForTimeout(1_500);
  const file = `${name}-${look.theme}${isWide ? '' : `-${look.width}`}.png`;
  await page.screenshot({ path: join(FOLDER, file) });
  console.log(`${file}${opened.problems.length > 0 ? `: ${opened.problems.join('; ')}` : ''}`);
  await opened.close();
}

function fault(state: 'on' | 'off'): void {
  const port = new URL(base).port;
  execFileSync(join(ROOT, 'throughline'), ['fault', 'slow-sql', state, '--port-base', port], { stdio: 'inherit' });
}

function slowCheckout(): Promise<string> {
  return first('slowest', 'checkout');
}

async function first(order: string, endpoint: string): Promise<string> {
  const query = {
    refId: 'A',
    queryType: 'traceSearch',
    of: 'requests',
    order,
    limit: 1,
    filters: [
      { key: 'service', operator: '=', value: 'nginx' },
      { key: 'endpoint', operator: '=', value: `/api/${endpoint}` },
    ],
  };
  const response = await fetch(`${base}/api/ds/query`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ from: 'now-5m', to: 'now', queries: [query] }),
  });
  const { results } = (await response.json()) as { results: { A: { frames: { data: { values: string[][] } }[] } } };
  const id = results.A.frames[0]?.data.values[0]?.[0];
  if (id === undefined) throw new Error(`no request of ${endpoint} in the last five minutes`);
  return id;
}
