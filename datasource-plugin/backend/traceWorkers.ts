import { type Worker } from 'node:worker_threads';
import { type Logger } from '@throughline/grafana-backend';
import { DatasourceError, type DatasourceErrorCode } from './errors.ts';
import { type TraceJob } from './traceJob.ts';
import { startTraceWorker } from './traceWorkerThread.ts';

/** Threads that read and assemble traces, so that a large one delays nobody's small query. */

export type ToWorker =
  | { readonly kind: 'run'; readonly number: number; readonly job: TraceJob }
  | { readonly kind: 'cancel'; readonly number: number };

export type FromWorker =
  | { readonly kind: 'done'; readonly number: number; readonly parts: readonly Uint8Array[] }
  | {
      readonly kind: 'failed';
      readonly number: number;
      readonly code: DatasourceErrorCode;
      readonly what: string;
      readonly hint: string;
    };

const THREADS = 2;
/** Room for a trace of the largest size; a thread that needs more ends, and only its own jobs fail. */
const MAX_HEAP_MB = 1_024;

interface Thread {
  readonly worker: Worker;
  readonly jobs: Map<number, { resolve(parts: readonly Uint8Array[]): void; reject(error: DatasourceError): void }>;
}

export class TraceWorkers {
  readonly #logger: Logger;
  readonly #threads: Thread[] = [];
  #nextNumber = 0;
  #isClosed = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  run(job: TraceJob, signal: AbortSignal): Promise<readonly Uint8Array[]> {
    const { worker, jobs } = this.#leastBusy();
    const number = this.#nextNumber++;
    return new Promise<readonly Uint8Array[]>((resolve, reject) => {
      jobs.set(number, { resolve, reject });
      const cancel = () => worker.postMessage({ kind: 'cancel', number } satisfies ToWorker);
      signal.addEventListener('abort', cancel, { once: true });
      worker.postMessage({ kind: 'run', number, job } satisfies ToWorker);
      if (signal.aborted) cancel();
    }).finally(() => jobs.delete(number));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  #leastBusy(): Thread {
    const idle = this.#threads.find(({ jobs }) => jobs.size === 0);
    if (idle) return idle;
    if (this.#threads.length < THREADS) return this.#start();
    return this.#threads.reduce((least, thread) => (thread.jobs.size < least.jobs.size ? thread : least));
  }

  #start(): Thread {
    const worker = startTraceWorker({ resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB } });
    const thread: Thread = { worker, jobs: new Map() };
    this.#threads.push(thread);
    worker.on('message', (message: FromWorker) => {
      const job = thread.jobs.get(message.number);
      if (message.kind === 'done') job?.resolve(message.parts);
      else job?.reject(new DatasourceError(message.code, message.what, message.hint));
    });
    worker.on('error', (error) => this.#logger.log('error', 'trace worker failed', { error }));
    worker.on('exit', (code) => {
      if (!this.#isClosed) this.#logger.log('error', 'trace worker ended', { code });
      this.#threads.splice(this.#threads.indexOf(thread), 1);
      const error = new DatasourceError(
        'DATASOURCE_LIMIT',
        'the thread that assembled this trace ended',
        'the trace may need more memory than a thread has: open it from one of its later spans'
      );
      for (const job of thread.jobs.values()) job.reject(error);
    });
    return thread;
  }
}
