import { type DataFrame, getDefaultTimeRange, LoadingState, type PanelData, type PanelProps } from '@grafana/data';
import { act } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_OPTIONS, type TopologyOptions } from './options.ts';
import { mapFrames, type TestEdge } from './testFrames.ts';
import { TopologyPanel } from './TopologyPanel.tsx';

const push = vi.hoisted(() => vi.fn());
// Icons arrive later than any test ends.
vi.mock('react-inlinesvg', () => ({ default: () => null }));
vi.mock('@grafana/runtime', () => ({ locationService: { push } }));

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

/** Takes every call; texts are as wide as they are long. */
const context = new Proxy({} as Record<string, unknown>, {
  get: (own, key: string) =>
    own[key] ?? (key === 'measureText' ? (text: string) => ({ width: text.length * 6 }) : () => {}),
  set: (own, key: string, value) => ((own[key] = value), true),
});

const SHOP: readonly TestEdge[] = [
  { source: '@web', target: 'gateway', failed: 0.02, rate: 100 },
  { source: 'gateway', target: 'stock', failed: 0.2 },
  { source: 'gateway', target: 'cart' },
  { source: 'stock', target: 'db', failed: 0.2, p95: 64e6 },
];

let root: Root;
let container: HTMLElement;

beforeEach(() => {
  push.mockClear();
  localStorage.clear();
  vi.stubGlobal(
    'Path2D',
    class {
      moveTo() {}
      bezierCurveTo() {}
    }
  );
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(context as never);
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(1_000);
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(600);
  container = document.body.appendChild(document.createElement('div'));
  root = createRoot(container);
});

afterEach(() => {
  act(() => root.unmount());
  container.remove();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function show(
  series: readonly DataFrame[],
  more: { options?: Partial<TopologyOptions>; data?: Partial<PanelData>; width?: number; height?: number } = {}
): void {
  const timeRange = getDefaultTimeRange();
  const data = { state: LoadingState.Done, series: [...series], timeRange, ...more.data } as PanelData;
  const props = {
    id: 7,
    data,
    timeRange,
    options: { ...DEFAULT_OPTIONS, ...more.options },
    width: more.width ?? 1_200,
    height: more.height ?? 700,
    onChangeTimeRange: () => {},
  } as unknown as PanelProps<TopologyOptions>;
  act(() => root.render(<TopologyPanel {...props} />));
}

const panel = (): HTMLElement => container.querySelector('[data-testid="topology"]')!;
const text = (testId: string): string => container.querySelector(`[data-testid="${testId}"]`)?.textContent ?? '';
const items = (): string[] => [...container.querySelectorAll('[role="tree"] [role="treeitem"]')].map((item) => item.id);
function press(key: string, on: Element = panel()): boolean {
  let isTaken = false;
  act(() => {
    isTaken = !on.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  });
  return isTaken;
}
function click(name: string): void {
  const found = [...container.querySelectorAll<HTMLElement>('button, a')].find(
    (element) => element.textContent === name || element.getAttribute('aria-label') === name
  );
  act(() => found!.click());
}

describe('topology panel', () => {
  it('tells what is on the map, what fails and what is missing', () => {
    show(mapFrames(SHOP));
    expect(text('status')).toContain('5 services, 4 edges.');
    expect(text('status')).toContain('3 edges failing');
    expect(text('status')).toContain('origin: stock → db');
    expect(text('status')).toContain('node-11 is silent');
    const tree = container.querySelector('[role="tree"]')!.textContent;
    expect(tree).toContain('stock calls db by http, 10/s, 20 % failed, p95 64.00 ms, failures begin here');
    expect(tree).toContain('@web, caller from outside, no agent, nothing arrived, it only calls');
  });

  it('walks and opens by keys, and stops them there', () => {
    show(mapFrames(SHOP));
    const outside = vi.fn();
    document.addEventListener('keydown', outside);
    expect(press('n')).toBe(true);
    expect(text('side-panel')).toContain('stock → db');
    expect(text('side-panel')).toContain('failures begin here');
    expect(outside).not.toHaveBeenCalled();
    expect(press('v')).toBe(false);
    expect(outside).toHaveBeenCalledTimes(1);
    document.removeEventListener('keydown', outside);
    press('x');
    expect(push.mock.calls[0]![0]).toMatch(/^\/a\/throughline-app\/edge\?source=stock&target=db&from=now-6h&to=now$/);
    press('ArrowLeft');
    expect(text('side-panel')).toContain('20 % of what arrives here fails.');
    press('o');
    expect(push.mock.calls[1]![0]).toContain('/service?service=stock&');
    press('Escape');
    expect(container.querySelector('[data-testid="side-panel"]')).toBeNull();
  });

  it('shows both sides of an edge, and where one was not seen', () => {
    show(mapFrames([{ source: 'a', target: 'b', serverOnly: true }]));
    press('j');
    const cells = [...container.querySelectorAll('[data-testid="side-panel"] td')].map((cell) => cell.textContent);
    expect(cells).toEqual(['', 'not seen', '10/s', '–', '0 %', '–', '2.50 ms', '–', '600']);
    expect(text('side-panel')).toContain('Seen by the server only.');
  });

  it('focuses a path to a depth and leaves it', () => {
    show(mapFrames(SHOP), { options: { focus: 'stock → db' } });
    expect(text('focus')).toContain('focus: stock → db');
    press('-');
    press('-');
    expect(container.textContent).toContain('1 step');
    press('Escape');
    press('Escape');
    expect(container.querySelector('[data-testid="focus"]')).toBeNull();
    press('n');
    press('f');
    expect(text('focus')).toContain('stock → db');
  });

  it('finds services by name', () => {
    show(mapFrames(SHOP));
    press('/');
    const box = container.querySelector<HTMLInputElement>('input[placeholder="Find a service"]')!;
    expect(document.activeElement).toBe(box);
    act(() => {
      Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(box, 'AR');
      box.dispatchEvent(new Event('input', { bubbles: true }));
    });
    press('Enter', box);
    expect(text('side-panel')).toContain('cart');
    press('Escape', box);
    expect(box.value).toBe('');
  });

  it('keeps to its budget and says what was cut', () => {
    const many = Array.from({ length: 60 }, (_, i) => ({ source: 'gateway', target: `s${i}`, rate: i + 1 }));
    show(mapFrames([...many, { source: 'x', target: 'y', failed: 1 }]), { options: { maxNodes: 12 } });
    expect(text('cut')).toContain('10 of 61 edges, 12 of 63 services: bad first, then by rate.');
    expect(items().some((id) => id.endsWith('-y'))).toBe(true);
    click('show all');
    expect(items().length).toBeGreaterThan(100);
  });

  it('starts with closed groups where there are too many services', () => {
    const groups = Object.fromEntries(['a', 'b', 'c', 'd'].map((id, i) => [id, i < 2 ? 'shop' : 'pay']));
    const edges = [
      { source: 'a', target: 'b' },
      { source: 'b', target: 'c' },
      { source: 'c', target: 'd' },
    ];
    show(mapFrames(edges, groups), { options: { maxNodes: 3 } });
    expect(text('status')).toContain('4 services in 2 closed groups.');
    expect(container.querySelector('[role="tree"]')!.textContent).toContain('shop, closed group, 2 services');
    press('ArrowRight');
    press('Enter');
    expect(text('status')).toContain('in 1 closed group.');
  });

  it('shows one path on a narrow screen, and the whole on demand', () => {
    show(mapFrames(SHOP), { width: 390, height: 800 });
    expect(text('status')).toContain('4 of 5 services on the worst path.');
    click('Show the whole map');
    expect(text('status')).toContain('5 services, 4 edges.');
  });

  it('keeps the last good map where a query fails', () => {
    show(mapFrames(SHOP));
    show([], { data: { state: LoadingState.Error, errors: [{ message: 'store unreachable' }] } });
    expect(text('status')).toContain('store unreachable The map is the last good answer.');
    expect(text('status')).toContain('5 services');
  });

  it('says why there is no map', () => {
    show([], { data: { state: LoadingState.Error, errors: [{ message: 'store unreachable' }] } });
    expect(container.textContent).toContain('store unreachable');
    show(mapFrames([]));
    expect(container.textContent).toContain('No calls in this time range');
    expect(container.textContent).toContain('Show the 24 hours before');
    show([]);
    expect(container.textContent).toContain('choose the query type “Service map”');
  });

  it('takes pins from the last time', () => {
    const key = `throughline.topology.pins ${window.location.pathname} 7`;
    localStorage.setItem(key, JSON.stringify({ db: { x: 10, y: 20 }, bad: 'no point' }));
    show(mapFrames(SHOP));
    expect(text('status')).toContain('1 node pinned');
    click('unpin');
    expect(localStorage.getItem(key)).toBeNull();
    expect(text('status')).not.toContain('pinned');
  });
});
