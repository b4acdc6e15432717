import { type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserMissing, launchBrowser, LOOKS, openPage, type WatchedPage } from './browser.ts';
import { type Product, startProduct } from './product.ts';

/** A person's ways: from the page that says something is wrong to the verdict, by clicks alone. */

const missing = browserMissing();
if (missing !== undefined) console.warn(`browser tests are skipped: ${missing}`);

/** "Now" is the last half minute of it, "before" the rest. */
const RANGE = 'from=now-2m&to=now';
const MOST_CLICKS = 5;

interface Fault {
  readonly name: string;
  /** A finding on Home that leads to the verdict. */
  readonly finding: RegExp;
  readonly verdict: RegExp;
  readonly station: RegExp;
}

const FAULTS: readonly Fault[] = [
  {
    name: 'slow-sql',
    finding: /mariadbd is slow for catalog/,
    verdict: /The network is clean\. It is the statement: .*SELECT … FROM products/,
    station: /mariadbd/,
  },
  {
    name: 'resets',
    finding: /payments: connections (are reset|get no answer) on the way/,
    verdict: /It is the network: connections between (nginx|checkout) and payments break/,
    station: /network/,
  },
  {
    name: 'errors-503',
    finding: /payments fails .* of checkout’s calls itself/,
    verdict: /The network is clean\. payments itself answers 503/,
    station: /payments/,
  },
  {
    name: 'wrong-upstream',
    finding: /nginx sends \/products to payments, which rejects it/,
    verdict: /It is the route: nginx sends \/products to payments, which answers 404/,
    station: /nginx/,
  },
];

describe.skipIf(missing !== undefined)('paths', () => {
  let product: Product;
  let browser: Browser;
  let opened: WatchedPage;
  let page: Page;

  beforeAll(async () => {
    product = await startProduct();
    browser = await launchBrowser();
    opened = await openPage(browser, LOOKS[0]!);
    page = opened.page;
    // The first fault is compared with a time without one.
    await new Promise((resolve) => setTimeout(resolve, 100_000));
  }, 400_000);
  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  });

  it('shows every process of the shop and the calls between them, with the figures of SQL over the same time', async () => {
    const to = Math.floor(Date.now() / 1_000) * 1_000 - 10_000;
    const from = to - 60_000;
    await page.goto(`${product.url}/a/throughline-app/topology?from=${from}&to=${to}`);
    const tree = page.getByRole('tree');
    await tree.waitFor({ state: 'attached', timeout: 30_000 });
    const calls = (await tree.getByRole('treeitem').allTextContents()).filter(
      (text) => / calls /.test(text) && text.length < 300
    );
    const drawn = new Map(
      calls.flatMap((text) => {
        const [, source, target] = /^(\S+) calls (\S+)/.exec(text) ?? [];
        return source === undefined ? [] : [[`${source} → ${target}`, text] as const];
      })
    );
    for (const service of [
      'nginx',
      'catalog',
      'checkout',
      'payments',
      'ledger',
      'mariadbd',
      'redis-server',
      'dnsmasq',
      'generator',
    ]) {
      await expect(tree.getByRole('treeitem', { name: new RegExp(`^${service},`) }).count()).resolves.toBe(1);
    }
    // From the rows themselves, not from the rollups that the map reads.
    const rows =
      await product.sql(`WITH names AS (SELECT EntityId AS Id, argMax(Name, UpdatedAt) AS Name FROM entities GROUP BY EntityId)
      SELECT own.Name AS source, peer.Name AS target, count() AS calls
      FROM spans LEFT JOIN names AS own ON own.Id = spans.EntityId LEFT JOIN names AS peer ON peer.Id = spans.PeerEntityId
      WHERE SpanKind = 'Client' AND Layer = 'process' AND Timestamp >= fromUnixTimestamp64Milli(${from}) AND Timestamp < fromUnixTimestamp64Milli(${to}) AND peer.Name != ''
      GROUP BY source, target`);
    expect(rows.length).toBeGreaterThanOrEqual(8);
    for (const { source, target, calls: count } of rows) {
      const text = drawn.get(`${source} → ${target}`);
      expect(text, `${source} → ${target} is on the map`).toBeDefined();
      const shown = Number(/ ([\d.,]+)\/s/.exec(text!)![1]!.replace(',', ''));
      // As exact as the text is: two figures.
      expect(Math.abs(shown - Number(count) / 60), text).toBeLessThan(0.06 + (Number(count) / 60) * 0.05);
    }
    const known = new Set(rows.map(({ source, target }) => `${source} → ${target}`));
    const invented = [...drawn.keys()].filter((edge) => !known.has(edge) && !/:4318$/.test(edge));
    expect(invented).toEqual([]);
  }, 90_000);

  it('leads from a point of a curve to the traces behind it, to the waterfall with its hops, and back', async () => {
    await page.goto(`${product.url}/a/throughline-app/service?service=payments&from=now-5m&to=now`);
    const plot = page.locator('[data-stand-in="Time series"] .u-over').nth(2);
    await plot.waitFor({ timeout: 30_000 });
    await page.waitForTimeout(1_000);
    const link = page.getByRole('link', { name: 'Traces behind this point' }).first();
    // New figures draw the plot anew and let go of a point that was picked.
    for (let attempt = 0; attempt < 5 && !(await link.isVisible()); attempt++) {
      const box = (await plot.boundingBox())!;
      const [x, y] = [box.x + box.width * 0.8, box.y + box.height * 0.7];
      await page.mouse.move(x - 5, y);
      await page.mouse.move(x, y);
      await page.mouse.click(x, y);
      await link.waitFor({ timeout: 2_000 }).catch(() => undefined);
    }
    await link.click();
    await page.waitForURL(/throughline-app\/traces/);
    await page
      .getByTestId('finding')
      .filter({ hasText: /payments.*requests/ })
      .waitFor({ timeout: 30_000 });
    // Of that point: its seconds, not the whole range, in which there were hundreds.
    const found = /(\d+) requests/.exec(await page.getByTestId('finding').innerText())![1];
    expect(Number(found)).toBeLessThan(60);
    await page.getByTestId('trace-link').first().click();
    await page.waitForURL(/throughline-app\/trace\?/);
    const grid = page.getByRole('treegrid');
    await grid
      .getByRole('row', { name: /payments/ })
      .first()
      .waitFor({ state: 'attached', timeout: 30_000 });
    await grid
      .getByRole('row', { name: /points on the way/ })
      .first()
      .waitFor({ state: 'attached' });
    await page.goBack();
    await page.waitForURL(/throughline-app\/traces/);
    await page.getByTestId('trace-link').first().waitFor({ timeout: 30_000 });
    await page.goBack();
    await page.waitForURL(/throughline-app\/service/);
    expect(opened.problems).toEqual([]);
  }, 120_000);

  for (const fault of FAULTS) {
    it(`${fault.name}: from Home to the verdict in at most ${MOST_CLICKS} clicks`, async () => {
      await product.fault(fault.name, 'on');
      let clicks = 0;
      try {
        await page.goto(`${product.url}/a/throughline-app/home?${RANGE}&refresh=5s`);
        const link = page.getByTestId('finding-link').filter({ hasText: fault.finding }).first();
        await link.waitFor({ timeout: 120_000 });
        await link.click();
        clicks++;
        await page.waitForURL(/throughline-app\/edge/);
        await page.getByTestId('finding').filter({ hasText: fault.verdict }).waitFor({ timeout: 40_000 });
        const causes = page.locator('[data-verdict="cause"]');
        await expect(causes.count()).resolves.toBe(1);
        expect(await causes.innerText()).toMatch(fault.station);
        // The evidence is one more click away: a call of that kind.
        await page.getByTestId('trace-link').first().click();
        clicks++;
        await page.getByRole('treegrid').getByRole('row').first().waitFor({ state: 'attached', timeout: 30_000 });
      } finally {
        await product.fault(fault.name, 'off');
      }
      expect(clicks).toBeLessThanOrEqual(MOST_CLICKS);
      expect(opened.problems).toEqual([]);
      // Until "now" is free of it.
      await page.waitForTimeout(35_000);
    }, 300_000);
  }
});
