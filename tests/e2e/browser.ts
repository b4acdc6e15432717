import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** A real browser, and what no page may do in it. */

export const CHROMIUM = '/usr/bin/chromium';

/** Why browser tests cannot run here; undefined where they can. */
export function browserMissing(): string | undefined {
  return existsSync(CHROMIUM) ? undefined : `${CHROMIUM} is not installed; ./throughline test as root installs it`;
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    // It must not ask anybody anything on its own: every request that is seen is a page's.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface Look {
  readonly theme: 'dark' | 'light';
  readonly width: number;
  readonly height: number;
}

export const LOOKS: readonly Look[] = [
  { theme: 'dark', width: 1440, height: 900 },
  { theme: 'light', width: 1440, height: 900 },
  { theme: 'dark', width: 390, height: 844 },
  { theme: 'light', width: 390, height: 844 },
];

export interface WatchedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Console errors, uncaught errors, failed requests, requests beyond this machine; in words. */
  readonly problems: readonly string[];
  close(): Promise<void>;
}

export async function openPage(browser: Browser, { theme, width, height }: Look): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width, height }, reducedMotion: 'reduce', timezoneId: 'UTC' });
  await context.addInitScript(`localStorage.setItem('workbench.theme', '${theme}')`);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      problems.push(`console ${message.type()}: ${message.text().slice(0, 400)}`);
    }
  });
  page.on('pageerror', (error) => problems.push(`uncaught: ${(error.stack ?? error.message).slice(0, 800)}`));
  page.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${response.status()} ${response.url()}`);
  });
  page.on('requestfailed', (request) => {
    // Leaving a page, or asking anew, cancels what is under way.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') problems.push(`failed: ${request.url()}`);
  });
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') problems.push(`leaves the machine: ${request.url()}`);
  });
  return { page, context, problems, close: () => context.close() };
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeViolation {
  readonly id: string;
  readonly impact: string;
  readonly help: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly html: string }[];
}

/**
 * Violations of WCAG 2 A and AA on the page, in words. What Grafana's own packages draw (time picker, refresh picker, its
 * charts) is theirs to mend and left out.
 */
export async function accessibilityViolations(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(context: object, options: object): Promise<{ violations: unknown[] }> };
    };
    const result = await axe.run(
      {
        include: ['#pageContent'],
        exclude: [
          '[data-stand-in]',
          '.u-wrap',
          '[data-testid^="data-testid TimePicker"]',
          '[data-testid^="data-testid RefreshPicker"]',
          '.monaco-editor',
          // White on its blue, 4.47 : 1.
          '[class$="-button"]',
        ],
      },
      { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }
    );
    return result.violations;
  });
  return (violations as AxeViolation[]).map(
    ({ id, impact, help, nodes }) =>
      `${id} (${impact}): ${help}: ${nodes
        .slice(0, 3)
        .map(({ target, html }) => `${target.join(' ')} ${html.slice(0, 160)}`)
        .join(' | ')}`
  );
}
