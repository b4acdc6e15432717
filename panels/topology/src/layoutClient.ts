import { layoutMessage, type LayoutInput, type TopologyLayout } from '@throughline/viz';

/** Below this many nodes and edges a layout takes a few ms: less than a message to a worker and back. */
const INLINE_BELOW = 200;
/** A worker that says nothing for so long is not there: a policy blocked its script, or the script is gone. */
const PATIENCE_MS = 5_000;

interface Waiting {
  readonly input: LayoutInput;
  readonly resolve: (layout: TopologyLayout) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/**
 * Lays out in a worker where the page lets one start, else on the main thread when it is idle. Policies, content
 * networks and old proxies all break workers; the map must come all the same.
 */
export class LayoutClient {
  readonly #create: () => Worker;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #isBroken = false;
  #next = 0;

  constructor(create = createWorker) {
    this.#create = create;
  }

  /** Undefined where the layout is large: ask `compute` then. */
  now(input: LayoutInput): TopologyLayout | undefined {
    return input.nodes.length + input.edges.length < INLINE_BELOW ? layoutMessage(input) : undefined;
  }

  compute(input: LayoutInput): Promise<TopologyLayout> {
    const worker = this.#start();
    if (!worker) return whenIdle(() => layoutMessage(input));
    const id = this.#next++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#giveUp(), PATIENCE_MS);
      this.#waiting.set(id, { input, resolve, timer });
      worker.postMessage({ id, input });
    });
  }

  dispose(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  #start(): Worker | undefined {
    if (this.#worker || this.#isBroken) return this.#worker;
    try {
      this.#worker = this.#create();
      this.#worker.onerror = () => this.#giveUp();
      this.#worker.onmessage = ({ data }: MessageEvent<{ id: number; layout?: TopologyLayout }>) => {
        const waiting = this.#waiting.get(data.id);
        if (!waiting) return;
        if (!data.layout) return this.#giveUp();
        clearTimeout(waiting.timer);
        this.#waiting.delete(data.id);
        waiting.resolve(data.layout);
      };
    } catch {
      this.#isBroken = true;
    }
    return this.#worker;
  }

  #giveUp(): void {
    this.#isBroken = true;
    this.#worker?.terminate();
    this.#worker = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { input, resolve, timer } of waiting) {
      clearTimeout(timer);
      void whenIdle(() => layoutMessage(input)).then(resolve);
    }
  }
}

function createWorker(): Worker {
  return new Worker(new URL('./layout.worker.ts', import.meta.url));
}

/** Safari has no idle callbacks. */
function whenIdle<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    if (typeof requestIdleCallback === 'function') requestIdleCallback(() => resolve(work()), { timeout: 200 });
    else setTimeout(() => resolve(work()), 0);
  });
}
