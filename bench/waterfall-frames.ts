import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { chromium, type Page } from 'playwright-core';
import { publish, quantile } from './report.ts';

/**
 * The waterfall panel in a browser with a large synthetic trace: from columns in memory to the first paint, and the time of
 * frames while scrolling and zooming. Each frame moves, so that each is drawn anew. Processor time of the page's main
 * thread is what the panel costs; times between frames are what a person sees, and grow with whatever else runs.
 *
 *   node bench/waterfall-frames.ts [--spans 50000] [--chromium /usr/bin/chromium]
 */

const argument = (name: string, fallback: string): string => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1]!;
};
const SPANS = Number(argument('spans', '50000'));
const CHROMIUM = argument('chromium', '/usr/bin/chromium');
const FRAMES = 300;
const ROOT = join(import.meta.dirname, '..');
const VIEWPORT = { width: 1_440, height: 900 };

interface Measured {
  readonly readyMs: number;
  readonly rows: number;
  readonly heapMiB: number;
}

const folder = mkdtempSync(join(tmpdir(), 'waterfall-frames-'));
try {
  const script = join(folder, 'page.js');
  await build({
    entryPoints: [join(ROOT, 'panels/waterfall/src/standalone.tsx')],
    outfile: script,
    bundle: true,
    format: 'iife',
    target: 'es2022',
    jsx: 'automatic',
    minify: true,
    logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    loader: { '.woff2': 'dataurl', '.svg': 'dataurl', '.ttf': 'dataurl', '.png': 'dataurl' },
    mainFields: ['browser', 'module', 'main'],
  });
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--enable-precise-memory-info'],
  });
  try {
    const page = await browser.newPage({ viewport: VIEWPORT });
    await page.route('http://bench.local/**', (route) =>
      new URL(route.request().url()).pathname === '/'
        ? route.fulfill({ contentType: 'text/html', body: '<!doctype html><body></body>' })
        : route.fulfill({ status: 404, body: '' })
    );
    await page.goto('http://bench.local/');
    await page.addScriptTag({ path: script });
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    const metric = async (name: string): Promise<number> => {
      const { metrics } = await session.send('Performance.getMetrics');
      return metrics.find((each) => each.name === name)?.value ?? NaN;
    };
    const taskMs = async (): Promise<number> => (await metric('TaskDuration')) * 1_000;
    const prepared = await prepare(page, SPANS, taskMs);
    const first = await show(page);
    const showMs = (await taskMs()) - prepared;
    const timed = async (what: 'scroll' | 'zoom') => {
      const before = await taskMs();
      const between = await frames(page, what);
      return { between, perFrameMs: ((await taskMs()) - before) / FRAMES };
    };
    const scroll = await timed('scroll');
    const zoom = await timed('zoom');
    publish({
      bench: 'waterfall-frames',
      input: `${SPANS} synthetic spans of 40 services, ${first.rows} rows at first; ${FRAMES} frames each of scrolling and zooming at 1440 × 900, headless Chromium ${browser.version()}`,
      figures: [
        {
          name: 'columns in memory to first paint, processor time',
          value: Math.round(showMs),
          unit: 'ms',
          target: '≤ 1000',
          note: 'model, rows, React and drawing',
        },
        { name: 'columns in memory to first paint, by the clock', value: Math.round(first.readyMs), unit: 'ms' },
        ...figuresOf('scrolling', scroll),
        ...figuresOf('zooming', zoom),
        {
          name: 'heap of the page',
          value: Math.round(first.heapMiB),
          unit: 'MiB',
          note: 'columns of the trace included',
        },
      ],
    });
  } finally {
    await browser.close();
  }
} finally {
  rmSync(folder, { recursive: true });
}

function figuresOf(what: string, { between, perFrameMs }: { between: readonly number[]; perFrameMs: number }) {
  const round = (ms: number): number => Math.round(ms * 10) / 10;
  return [
    { name: `${what}: processor time per frame, mean`, value: round(perFrameMs), unit: 'ms', target: '≤ 16' },
    { name: `${what}: time between frames, P50`, value: round(quantile(between, 0.5)), unit: 'ms' },
    { name: `${what}: time between frames, P95`, value: round(quantile(between, 0.95)), unit: 'ms' },
  ];
}

/** Makes the columns in the page. @returns what the main thread had done by then */
async function prepare(page: Page, spans: number, taskMs: () => Promise<number>): Promise<number> {
  await page.evaluate(`(() => {
    const random = ((seed) => () => (seed = (seed * 16807) % 2147483647) / 2147483647)(7);
    const columns = { traceID: [], spanID: [], parentSpanID: [], operationName: [], serviceName: [], startTime: [],
      duration: [], kind: [], statusCode: [], tags: [], hops: [] };
    const starts = [], ends = [];
    for (let i = 0; i < ${spans}; i++) {
      const parent = i === 0 ? -1 : Math.floor(Math.max(0, i - 1) / (2 + (i % 5)));
      const from = i === 0 ? 0 : starts[parent] + random() * (ends[parent] - starts[parent]) * 0.6;
      const to = i === 0 ? 10000 : Math.min(ends[parent], from + (ends[parent] - from) * (0.3 + random() * 0.6));
      starts.push(from); ends.push(to);
      columns.traceID.push('bench');
      columns.spanID.push('s' + i);
      columns.parentSpanID.push(parent < 0 ? null : 's' + parent);
      columns.operationName.push('GET /resource/' + (i % 1009));
      columns.serviceName.push('service-' + (i % 40));
      columns.startTime.push(1795000000000 + from);
      columns.duration.push(to - from);
      columns.kind.push(i % 2 ? 'client' : 'server');
      columns.statusCode.push(random() < 0.002 ? 2 : 0);
      columns.tags.push([
        { key: 'throughline.layer', value: i % 3 ? 'process' : 'application' },
        { key: 'throughline.link.evidence', value: 'ingress' },
        { key: 'throughline.link.probability', value: random() < 0.02 ? 0.7 : 1 },
        { key: 'throughline.protocol', value: i % 4 ? 'http' : 'mysql' },
        { key: 'throughline.response_code', value: 200 },
      ]);
      const length = (to - from) * 1e6;
      columns.hops.push(i % 50 ? [] : [
        { kind: 'process', point: 'service-' + (i % 40), host: 'a', requestNs: 0, responseNs: length, retransmissions: 0 },
        { kind: 'interface', point: 'eth0', host: 'a', requestNs: length * 0.01, responseNs: length * 0.99, retransmissions: 0 },
        { kind: 'process', point: 'service-' + ((i + 1) % 40), host: 'b', requestNs: length * 0.03, responseNs: length * 0.97, retransmissions: 0 },
      ]);
    }
    globalThis.columns = columns;
  })()`);
  return taskMs();
}

/** Shows the columns, and waits until they are painted. */
function show(page: Page): Promise<Measured> {
  return page.evaluate(`(async () => {
    const start = performance.now();
    standalone.showColumns(globalThis.columns, 'dark');
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const readyMs = performance.now() - start;
    const rows = Number(document.querySelector('[role=treegrid]').getAttribute('aria-rowcount'));
    return { readyMs, rows, heapMiB: performance.memory.usedJSHeapSize / 2 ** 20 };
  })()`);
}

/** Changes something before each frame. @returns milliseconds from one frame to the next */
function frames(page: Page, what: 'scroll' | 'zoom'): Promise<number[]> {
  return page.evaluate(`(async () => {
    const grid = document.querySelector('[role=treegrid]');
    const box = grid.getBoundingClientRect();
    const most = grid.scrollHeight - grid.clientHeight;
    const change = ${
      what === 'scroll'
        ? '(i) => { grid.scrollTop = most * (i / ' +
          FRAMES +
          '); grid.dispatchEvent(new Event("scroll", { bubbles: true })); }'
        : '(i) => grid.dispatchEvent(new WheelEvent("wheel", { bubbles: true, cancelable: true, ctrlKey: true, deltaY: i % 60 < 30 ? -120 : 120, clientX: box.left + 900, clientY: box.top + 300 }))'
    };
    const between = [];
    let before = await new Promise(requestAnimationFrame);
    for (let i = 1; i <= ${FRAMES}; i++) {
      change(i);
      const at = await new Promise(requestAnimationFrame);
      between.push(at - before);
      before = at;
    }
    return between;
  })()`);
}
