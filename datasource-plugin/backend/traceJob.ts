import { encodeFrame, type FrameFormat } from '@throughline/grafana-backend';
import { type TraceIdQuery, type TraceOrSpanId } from '@throughline/query';
import { assemble, collectTrace, type Trace } from '@throughline/tracing';
import { DatasourceError } from './errors.ts';
import { type Settings } from './settings.ts';
import { createSpanFetcher } from './spanFetcher.ts';
import { type Store } from './store.ts';
import { buildTraceFrames } from './traceFrames.ts';

/** Reading, assembling and encoding one trace: what a thread does for a traceId query or the trace resource. */

export interface TraceJob {
  readonly settings: Settings;
  readonly id: TraceOrSpanId;
  readonly comment: string;
  readonly output:
    | {
        readonly kind: 'frames';
        readonly refId: string;
        readonly format: FrameFormat;
        readonly hops: TraceIdQuery['hops'];
      }
    | { readonly kind: 'json' };
}

/** @returns encoded frames, or one JSON document. @throws DatasourceError NOT_FOUND where no span has the id */
export async function runTraceJob(job: TraceJob, store: Store, signal: AbortSignal): Promise<Uint8Array[]> {
  const { output } = job;
  const trace = await readTrace(job, store, signal);
  if (output.kind === 'json') return [new TextEncoder().encode(traceJson(trace))];
  return buildTraceFrames(trace, output.hops, Date.now()).map((frame) =>
    encodeFrame(frame, output.format, output.refId)
  );
}

async function readTrace({ settings, id, comment }: TraceJob, store: Store, signal: AbortSignal): Promise<Trace> {
  const fetcher = createSpanFetcher(store, settings, { signal, comment });
  const limits = { timeMs: settings.timeoutSeconds * 1_000 };
  let collected = await collectTrace(id.hex, fetcher, limits);
  // A trace id of 64 bit has as many digits as a span id.
  if (collected.spans.length === 0 && id.kind === 'span') {
    collected = await collectTrace(id.hex.padStart(32, '0'), fetcher, limits);
  }
  const { spans, links, cut, focus } = collected;
  if (spans.length === 0) {
    throw new DatasourceError(
      'DATASOURCE_NOT_FOUND',
      `no span of tenant ${settings.tenant}, environment ${settings.environment} has the id ${id.hex}`,
      'check the id; spans are kept for 7 days'
    );
  }
  return assemble(spans, { links, cut, ...(focus !== undefined && { focus }) });
}

/** JSON has neither the bigint of a time since the epoch nor Infinity: a string, and null. */
function traceJson(trace: Trace): string {
  return JSON.stringify(trace, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}
