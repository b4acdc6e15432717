import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { buildGraph, type TopologyGraph, type TopologyNode } from '../libs/viz/src/topology/model.ts';
import { syntheticGraph } from '../libs/viz/src/topology/testGraphs.ts';
import { type Figure, publish, quantile } from './report.ts';

/**
 * The topology panel's canvas in a real browser: layout, first paint, and frames while the map is panned and zoomed.
 * Measured is the panel's own MapController with pointer and wheel events as a hand would make them.
 *
 *   node bench/topology-frames.ts [--services 500] [--edges 900] [--frames 300]
 */

const argument = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1] ?? fallback);
};
const services = argument('services', 500);
const edges = argument('edges', 900);
const frames = argument('frames', 300);
const SIZE = { width: 1_440, height: 820 };

/** What one gesture cost: times between frames, and of them the time in our code. */
interface Gesture {
  readonly deltas: readonly number[];
  readonly busy: readonly number[];
}

interface Measured {
  readonly layoutMs: number;
  readonly firstPaintMs: number;
  readonly fit: Gesture;
  readonly pan: Gesture;
  readonly zoom: Gesture;
}

/** Runs in the page. Frames are timed from outside: every callback of requestAnimationFrame that is not ours. */
const PAGE = `
import { layoutMessage } from '@throughline/viz';
import { MapController } from './MapController.ts';

const request = window.requestAnimationFrame.bind(window);
let busy = 0;
window.requestAnimationFrame = (callback) => request((time) => {
  const start = performance.now();
  callback(time);
  busy += performance.now() - start;
});
const nextFrame = () => new Promise((resolve) => request(resolve));

window.measure = async (graph, size, frames) => {
  const canvas = document.querySelector('canvas');
  const nothing = () => {};
  const controller = new MapController(canvas, () => ({ onHover: nothing, onClick: nothing, onDoubleClick: nothing, onPin: nothing }));
  const style = {
    canvas: '#111217', surface: '#181b1f', raised: '#22252b', border: '#3a3c43', borderStrong: '#55565e', text: '#ccccdc',
    textStrong: '#ffffff', textSecondary: '#8f909c', textDisabled: '#87888f', error: '#ff5286', warning: '#fbad37',
    mark: '#8b8d99', faint: '#6a6d78', primary: '#3d71d9', font: 'sans-serif', colourOf: () => '#38a1fa',
  };
  const start = performance.now();
  const layout = layoutMessage({ ...graph, options: { direction: 'right', viewport: size, pins: {} } });
  const layoutMs = performance.now() - start;
  const input = { graph, layout, style, size, metric: 'all', lit: undefined, selected: undefined, hasSide: false, hasFocus: false, stale: false };
  controller.set(input);
  await nextFrame();
  await nextFrame();
  const firstPaintMs = performance.now() - start;

  const { left, top } = canvas.getBoundingClientRect();
  const at = (type, x, y, more) => canvas.dispatchEvent(new (type === 'wheel' ? WheelEvent : PointerEvent)(type, {
    clientX: left + x, clientY: top + y, bubbles: true, cancelable: true, pointerId: 1, button: 0, ...more,
  }));
  canvas.setPointerCapture = nothing;
  const gesture = async (step) => {
    const [deltas, work] = [[], []];
    let last = await nextFrame();
    for (let frame = 0; frame < frames; frame++) {
      busy = 0;
      const before = performance.now();
      step(frame);
      const handled = performance.now() - before;
      const now = await nextFrame();
      await Promise.resolve();
      deltas.push(now - last);
      work.push(busy + handled);
      last = now;
    }
    return { deltas, busy: work };
  };
  const panning = async () => {
    at('pointerdown', 4, 4);
    const result = await gesture((frame) => at('pointermove', 4 + 300 * Math.sin(frame / 20), 4 + 200 * Math.sin(frame / 31)));
    at('pointerup', 4, 4);
    return result;
  };
  const fit = await panning();
  for (let i = 0; i < 8; i++) at('wheel', size.width / 2, size.height / 2, { deltaY: -100 });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const pan = await panning();
  const zoom = await gesture((frame) => at('wheel', size.width / 2, size.height / 2, { deltaY: 60 * Math.sin(frame / 25) }));
  return { layoutMs, firstPaintMs, fit, pan, zoom };
};
`;

function syntheticMap(): TopologyGraph {
  const shape = syntheticGraph(services, edges, 0);
  const nodes = shape.nodes.map((node): TopologyNode => ({
    ...node,
    name: node.id,
    icon: 'cube',
    rate: 5,
    errorShare: 0,
    p95: 4e6,
    requests: 300,
    errors: 0,
    members: 1,
  }));
  const figures = shape.edges.map(({ source, target, rate }, index) => ({
    source,
    target,
    rate,
    errorShare: index % 40 === 0 ? 0.02 : 0,
    p95: 4e6,
    protocols: 'http',
    evidence: 'client and server',
  }));
  return buildGraph(nodes, figures);
}

const executablePath = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path));
if (executablePath === undefined) throw new Error('needs chromium or google-chrome in /usr/bin');

const folder = mkdtempSync(join(tmpdir(), 'topology-frames-'));
try {
  const panel = join(import.meta.dirname, '../panels/topology/src');
  const bundle = await build({
    stdin: { contents: PAGE, resolveDir: panel, loader: 'ts' },
    bundle: true,
    format: 'iife',
    minify: true,
    write: false,
  });
  const page = join(folder, 'page.html');
  const script = bundle.outputFiles[0]!.text.replaceAll('</script', '<\\/script');
  const canvas = `<canvas style="width:${SIZE.width}px;height:${SIZE.height}px"></canvas>`;
  writeFileSync(
    page,
    `<!doctype html><meta charset="utf-8"><body style="margin:0">${canvas}<script>${script}</script>`
  );

  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const tab = await browser.newPage({ viewport: SIZE });
  await tab.goto(pathToFileURL(page).href);
  const call = `measure(${JSON.stringify(syntheticMap())}, ${JSON.stringify(SIZE)}, ${frames})`;
  const measured = await tab.evaluate<Measured>(call);
  const version = browser.version();
  await browser.close();

  const one = (value: number): number => Math.round(value * 10) / 10;
  const gestureFigures = (name: string, { deltas, busy }: Gesture): Figure[] => [
    ...[0.5, 0.95, 0.99].map((q) => ({
      name: `${name}: frame to frame, p${q * 100}`,
      value: one(quantile(deltas, q)),
      unit: 'ms',
      ...(q === 0.95 && { target: '≤ 100' }),
    })),
    { name: `${name}: our code per frame, p50`, value: one(quantile(busy, 0.5)), unit: 'ms' },
    { name: `${name}: our code per frame, p95`, value: one(quantile(busy, 0.95)), unit: 'ms' },
  ];
  publish({
    bench: 'topology-frames',
    input: `${services} services, ${edges} edges, ${SIZE.width} × ${SIZE.height} px, ${frames} frames per gesture, Chromium ${version} without a GPU`,
    figures: [
      { name: 'layout', value: one(measured.layoutMs), unit: 'ms' },
      { name: 'layout, labels and first frame', value: one(measured.firstPaintMs), unit: 'ms', target: '≤ 1,000' },
      ...gestureFigures('pan, whole map in sight', measured.fit),
      ...gestureFigures('pan, near', measured.pan),
      ...gestureFigures('zoom in and out', measured.zoom),
    ],
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
