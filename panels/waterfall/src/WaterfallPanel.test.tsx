import { dateTime, FieldType, getDefaultTimeRange, LoadingState, type PanelProps, toDataFrame } from '@grafana/data';
import { act } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_OPTIONS, type WaterfallOptions } from './options.ts';
import { WaterfallPanel } from './WaterfallPanel.tsx';

const partial = vi.hoisted(() => vi.fn());
const searched = vi.hoisted(() => ({ spanId: undefined as string | undefined }));
// Icons arrive later than any test ends.
vi.mock('react-inlinesvg', () => ({ default: () => null }));
vi.mock('@grafana/runtime', () => ({ locationService: { partial, getSearchObject: () => searched } }));

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

const hops = [
  { kind: 'process', point: 'web', host: 'n1', requestNs: 0, responseNs: 9e6, retransmissions: 0 },
  { kind: 'interface', point: 'eth0', host: 'n1', requestNs: 1e5, responseNs: 8.9e6, retransmissions: 1 },
  { kind: 'process', point: 'pay', host: 'n2', requestNs: 3e5, responseNs: 8.6e6, retransmissions: 1 },
];
const tags = (values: Record<string, unknown>) => Object.entries(values).map(([key, value]) => ({ key, value }));
const linked = (probability: number) =>
  tags({
    'throughline.layer': 'process',
    'throughline.link.evidence': 'ingress',
    'throughline.link.probability': probability,
    'throughline.link.reason': 'same thread',
    'throughline.response_code': 502,
  });

const TRACE = toDataFrame({
  name: 'trace',
  meta: { custom: { spans: 3, roots: 1, complete: false, gaps: ['1 spans are missing'], ageMs: 60_000 } },
  fields: [
    { name: 'traceID', type: FieldType.string, values: ['t', 't', 't'] },
    { name: 'spanID', type: FieldType.string, values: ['a', 'b', 'c'] },
    { name: 'parentSpanID', type: FieldType.string, values: [null, 'a', 'b'] },
    { name: 'operationName', type: FieldType.string, values: ['POST /checkout', 'call pay', 'POST /authorize'] },
    { name: 'serviceName', type: FieldType.string, values: ['web', 'web', 'pay'] },
    { name: 'startTime', type: FieldType.number, values: [1_795_000_000_000, 1_795_000_000_001, 1_795_000_000_002] },
    { name: 'duration', type: FieldType.number, values: [11, 9, 7] },
    { name: 'kind', type: FieldType.string, values: ['server', 'client', 'server'] },
    { name: 'statusCode', type: FieldType.number, values: [2, 2, 2] },
    {
      name: 'tags',
      type: FieldType.other,
      values: [tags({ 'throughline.layer': 'process' }), linked(1), linked(0.62)],
    },
    { name: 'hops', type: FieldType.other, values: [[], hops, []] },
  ],
});

let root: Root;
let container: HTMLElement;

beforeEach(() => {
  searched.spanId = undefined;
  partial.mockClear();
  localStorage.clear();
  container = document.body.appendChild(document.createElement('div'));
  root = createRoot(container);
});
afterEach(() => {
  act(() => root.unmount());
  container.remove();
});

interface Shown {
  readonly series?: PanelProps['data']['series'];
  readonly state?: LoadingState;
  readonly error?: string;
  readonly options?: Partial<WaterfallOptions>;
  readonly width?: number;
}

function show({ series = [TRACE], state = LoadingState.Done, error, options, width = 1_200 }: Shown = {}): void {
  const timeRange = { ...getDefaultTimeRange(), from: dateTime(0) };
  const data = { series, state, timeRange, ...(error !== undefined && { errors: [{ message: error }] }) };
  const props = { data, options: { ...DEFAULT_OPTIONS, ...options }, width, height: 600, timeRange };
  act(() => root.render(<WaterfallPanel {...(props as unknown as PanelProps<WaterfallOptions>)} />));
}

const grid = (): HTMLElement => container.querySelector<HTMLElement>('[role=treegrid]')!;
const rowTexts = (): string[] => [...container.querySelectorAll('[role=row]')].map((row) => row.textContent ?? '');
const drawer = (): HTMLElement | null => container.querySelector('[data-testid=waterfall-drawer]');
const selected = (): string => container.querySelector('[aria-selected=true]')?.textContent ?? '';

function press(key: string, target: Element = grid()): boolean {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true });
  act(() => {
    target.dispatchEvent(event);
  });
  return event.defaultPrevented;
}

describe('WaterfallPanel', () => {
  it('says the finding, what limits trust, and each row in words', () => {
    show();
    expect(container.querySelector('[data-testid=waterfall-finding]')?.textContent).toBe(
      'POST /checkout 11.00 ms, failed  502 in pay; 64 % of the time in pay POST /authorize; the network took 500 µs, sockets and stacks 1.50 ms'
    );
    expect(container.textContent).toContain('1 spans are missing');
    expect(grid().getAttribute('aria-rowcount')).toBe('4');
    expect(rowTexts()).toEqual([
      'POST /checkout, web, process, 11.00 ms, self 2.00 ms, failed',
      'call pay, web, process, 9.00 ms, self 2.00 ms, failed 502',
      '3 points on the way, 700 µs between the processes',
      'POST /authorize, pay, process, 7.00 ms, self 7.00 ms, sure 0.62, failed 502, the error starts here',
    ]);
    const levels = [...container.querySelectorAll('[role=row]')].map((row) => row.getAttribute('aria-level'));
    expect(levels).toEqual(['1', '2', '3', '3']);
  });

  it('walks rows and errors by keys, and keeps those keys to itself', () => {
    show();
    expect(press('j')).toBe(true);
    expect(selected()).toContain('POST /checkout');
    press('j');
    expect(selected()).toContain('call pay');
    press('ArrowLeft');
    expect(rowTexts()).toHaveLength(2);
    press('ArrowRight');
    expect(rowTexts()).toHaveLength(4);
    press('n');
    expect(selected()).toContain('the error starts here');
    expect(press('v')).toBe(false);
    expect(press('Escape')).toBe(false);
  });

  it('opens the drawer of a row and gives the focus back when it closes', () => {
    show();
    press('j');
    press('j');
    press('Enter');
    const text = drawer()!.textContent;
    expect(text).toContain('Call of web: 9.00 ms, 2.00 ms of it outside of its 1 child.');
    expect(text).toContain('same thread');
    expect(text).toContain('web → eth0');
    expect(text).toContain('sent again 1×');
    press('Escape', drawer()!);
    expect(drawer()).toBeNull();
    expect(document.activeElement).toBe(grid());
  });

  it('unfolds the hops of a strip', () => {
    show();
    for (const key of ['j', 'j', 'j', 'Enter']) press(key);
    expect(rowTexts()[3]).toBe('client stack web → eth0, request 100 µs, answer 100 µs, 200 µs both ways');
    expect(rowTexts()).toHaveLength(7);
  });

  it('opens the span of the URL and writes the selected one there, if asked to', () => {
    searched.spanId = 'c';
    show({ options: { syncUrl: true } });
    expect(drawer()?.textContent).toContain('POST /authorize');
    searched.spanId = 'c';
    press('Escape');
    expect(partial).toHaveBeenLastCalledWith({ spanId: null }, true);
    searched.spanId = undefined;
    press('k');
    press('k');
    press('Enter');
    expect(partial).toHaveBeenLastCalledWith({ spanId: 'b' }, true);
  });

  it('hides a layer and says so', () => {
    show();
    const [, , network] = container.querySelectorAll<HTMLButtonElement>('button[aria-pressed]');
    expect(network!.textContent).toBe('Network 1');
    act(() => network!.click());
    expect(network!.getAttribute('aria-pressed')).toBe('false');
    expect(rowTexts()).toHaveLength(3);
  });

  it('tells loading, empty, other data and failure apart', () => {
    show({ series: [], state: LoadingState.Loading });
    expect(container.textContent).toContain('Reading the spans');
    show({ series: [] });
    expect(container.textContent).toContain('the id may be wrong');
    show({ series: [toDataFrame({ fields: [{ name: 'time', values: [1] }] })] });
    expect(container.textContent).toContain('something else than spans');
    show({ series: [], state: LoadingState.Error, error: 'STORE_DOWN: no answer' });
    expect(container.querySelector('[role=alert]')?.textContent).toContain('STORE_DOWN: no answer');
    show({ series: [TRACE, TRACE], error: 'one of two queries failed' });
    expect(container.textContent).toContain('one of two queries failed; 1 further trace in the answer');
  });

  it('has no header and no strips where the options say so', () => {
    show({ options: { showFinding: false, hopStrips: false }, width: 390 });
    expect(container.querySelector('[data-testid=waterfall-finding]')).toBeNull();
    expect(rowTexts()).toHaveLength(3);
  });
});
