import { parseTraceOrSpanId } from '@throughline/query';
import { type Trace, collectTrace } from '@throughline/tracing';
import { DatasourceError } from './errors.ts';
import { type Settings } from './settings.ts';
import { createSpanFetcher } from './spanFetcher.ts';
import { type RunOptions, type Store } from './store.ts';
import { type TraceWorkers } from './traceWorkers.ts';

/**
 * The trace of an id: of a trace, or of any span in it.
 * @throws DatasourceError NOT_FOUND where no span has it
 */
export async function readTrace(
  text: string,
  store: Store,
  settings: Settings,
  run: RunOptions,
  workers: TraceWorkers
): Promise<Trace> {
  const { hex, kind } = parseTraceOrSpanId(text);
  const fetcher = createSpanFetcher(store, settings, run);
  let collected = await collectTrace(hex, fetcher);
  // A trace id of 64 bit has as many digits as a span id.
  if (collected.spans.length === 0 && kind === 'span') collected = await collectTrace(hex.padStart(32, '0'), fetcher);
  if (collected.spans.length === 0) {
    throw new DatasourceError(
      'DATASOURCE_NOT_FOUND',
      `no span of tenant ${settings.tenant}, environment ${settings.environment} has the id ${hex}`,
      'check the id; spans are kept for 7 days'
    );
  }
  const { spans, links, cut, focus } = collected;
  return workers.assemble(spans, { links, cut, ...(focus !== undefined && { focus }) });
}
