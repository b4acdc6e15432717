import { type QueryAnswer } from '@throughline/grafana-backend';
import { parseTraceOrSpanId, traceFrame, type TraceIdQuery } from '@throughline/query';
import { type QueryContext } from '../context.ts';
import { toFrame } from '../frames.ts';
import { type TraceWorkers } from '../traceWorkers.ts';

/** One trace, by its id or the id of any span in it. */
export async function answerTraceId(
  query: TraceIdQuery,
  { settings, refId, format, run }: QueryContext,
  workers: TraceWorkers
): Promise<QueryAnswer> {
  // Explore asks before an id was typed.
  if (query.query === '') return { frames: [toFrame(traceFrame, [])] };
  const output = { kind: 'frames', refId, format, hops: query.hops } as const;
  const job = { settings, id: parseTraceOrSpanId(query.query), comment: run.comment, output };
  const parts = await workers.run(job, run.signal);
  return { frames: parts.map((encoded) => ({ encoded })) };
}
