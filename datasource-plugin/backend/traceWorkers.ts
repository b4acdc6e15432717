import { Worker } from 'node:worker_threads';
import { type Logger } from '@throughline/grafana-backend';
import { type AssembleOptions, type Trace, type TraceSpan } from '@throughline/tracing';
import { DatasourceError } from './errors.ts';
import { type AssembleRequest } from './traceWorker.ts';

interface Waiting {
  resolve(trace: Trace): void;
  reject(error: Error): void;
}

type Answer = { readonly id: number; readonly trace: Trace } | { readonly id: number; readonly error: string };

/** Threads that assemble; the first is started with the first trace. */
const THREADS = 2;

export class TraceWorkers {
  readonly #logger: Logger;
  readonly #workers: { readonly worker: Worker; readonly waiting: Map<number, Waiting> }[] = [];
  #nextId = 0;
  #isClosed = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  assemble(spans: readonly TraceSpan[], options: AssembleOptions): Promise<Trace> {
    const { worker, waiting } = this.#leastBusy();
    const request: AssembleRequest = { id: this.#nextId++, spans, options };
    return new Promise((resolve, reject) => {
      waiting.set(request.id, { resolve, reject });
      worker.postMessage(request);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#workers.map(({ worker }) => worker.terminate()));
  }

  #leastBusy(): { readonly worker: Worker; readonly waiting: Map<number, Waiting> } {
    const idle = this.#workers.find(({ waiting }) => waiting.size === 0);
    if (idle) return idle;
    if (this.#workers.length < THREADS) return this.#start();
    return this.#workers.reduce((least, each) => (each.waiting.size < least.waiting.size ? each : least));
  }

  #start(): { readonly worker: Worker; readonly waiting: Map<number, Waiting> } {
    const entry = {
      worker: new Worker(new URL('traceWorker.ts', import.meta.url)),
      waiting: new Map<number, Waiting>(),
    };
    entry.worker.on('message', (answer: Answer) => {
      const waiter = entry.waiting.get(answer.id);
      entry.waiting.delete(answer.id);
      if ('trace' in answer) waiter?.resolve(answer.trace);
      else waiter?.reject(failure(answer.error));
    });
    const onEnd = (reason: string): void => {
      const at = this.#workers.indexOf(entry);
      if (at >= 0) this.#workers.splice(at, 1);
      if (!this.#isClosed) this.#logger.log('error', 'a trace worker ended', { reason });
      for (const waiter of entry.waiting.values()) waiter.reject(failure(reason));
      entry.waiting.clear();
    };
    entry.worker.on('error', (error) => onEnd(String(error)));
    entry.worker.on('exit', (code) => onEnd(`exit code ${code}`));
    this.#workers.push(entry);
    return entry;
  }
}

function failure(reason: string): DatasourceError {
  return new DatasourceError(
    'DATASOURCE_INTERNAL',
    `the trace could not be assembled: ${reason}`,
    'report it with the id of the trace'
  );
}
