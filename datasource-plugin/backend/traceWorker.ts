import { parentPort } from 'node:worker_threads';
import { type AssembleOptions, type TraceSpan, assemble } from '@throughline/tracing';

/** Assembles one trace at a time, so that a large one delays nobody else's query. */

export interface AssembleRequest {
  readonly id: number;
  readonly spans: readonly TraceSpan[];
  readonly options: AssembleOptions;
}

parentPort?.on('message', ({ id, spans, options }: AssembleRequest) => {
  try {
    parentPort!.postMessage({ id, trace: assemble(spans, options) });
  } catch (error) {
    parentPort!.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
