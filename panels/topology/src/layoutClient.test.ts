import { layoutMessage, type LayoutInput } from '@throughline/viz';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type LayoutRequest } from './layout.worker.ts';
import { LayoutClient } from './layoutClient.ts';

function chain(length: number): LayoutInput {
  const nodes = Array.from(
    { length },
    (_, i) => ({ id: `s${i}`, group: '', kind: 'service', instrumented: true }) as const
  );
  const edges = nodes.slice(1).map(({ id }, i) => ({ id: `e${i}`, source: `s${i}`, target: id, rate: 1 }));
  return { nodes, edges, options: { direction: 'right', viewport: { width: 800, height: 600 }, pins: {} } };
}

const input = chain(150);

/** A worker that answers as `layout.worker.ts` does, or as told. */
class WorkerStub {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: (() => void) | null = null;
  terminated = false;
  readonly #answer: (worker: WorkerStub, request: LayoutRequest) => void;

  constructor(answer: (worker: WorkerStub, request: LayoutRequest) => void) {
    this.#answer = answer;
  }

  postMessage(request: LayoutRequest): void {
    queueMicrotask(() => this.#answer(this, request));
  }

  terminate(): void {
    this.terminated = true;
  }
}

function clientWith(answer: (worker: WorkerStub, request: LayoutRequest) => void) {
  const workers: WorkerStub[] = [];
  const client = new LayoutClient(() => {
    workers.push(new WorkerStub(answer));
    return workers.at(-1) as unknown as Worker;
  });
  return { client, workers };
}

afterEach(() => vi.useRealTimers());

describe('layout client', () => {
  it('lays out small maps at once, large ones not', () => {
    const client = new LayoutClient();
    expect(client.now(chain(5))!.nodes).toHaveLength(5);
    expect(client.now(input)).toBeUndefined();
  });

  it('asks one worker for several layouts', async () => {
    const { client, workers } = clientWith((worker, request) =>
      worker.onmessage!({ data: { id: request.id, layout: layoutMessage(request.input) } })
    );
    const [first, second] = await Promise.all([client.compute(input), client.compute(chain(160))]);
    expect([first.nodes.length, second.nodes.length, workers.length]).toEqual([150, 160, 1]);
    client.dispose();
    expect(workers[0]!.terminated).toBe(true);
  });

  it.each([
    [
      'cannot be made',
      () =>
        new LayoutClient(() => {
          throw new Error('SecurityError');
        }),
    ],
    ['fails to load', () => clientWith((worker) => worker.onerror!()).client],
    [
      'says that it failed',
      () => clientWith((worker, { id }) => worker.onmessage!({ data: { id, problem: 'x' } })).client,
    ],
  ])('lays out on the main thread where a worker %s', async (_, make) => {
    const client = make();
    expect(await client.compute(input)).toEqual(layoutMessage(input));
    expect((await client.compute(chain(160))).nodes).toHaveLength(160);
  });

  it('does not wait for ever for a worker that says nothing', async () => {
    vi.useFakeTimers();
    const { client, workers } = clientWith(() => {});
    const answer = client.compute(input);
    await vi.advanceTimersByTimeAsync(6_000);
    expect((await answer).nodes).toHaveLength(150);
    expect(workers[0]!.terminated).toBe(true);
  });
});
