import { formatNs } from '@throughline/tracing';
import { z } from 'zod';
import { CliError } from './errors.ts';
import { request } from './request.ts';

export interface ListedTrace {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  readonly service: string;
  readonly name: string;
  readonly durationNs: number;
  readonly status: string;
  readonly code: number;
  readonly failure: string;
}

const answer = z.object({
  results: z.object({
    A: z.object({
      error: z.string().optional(),
      frames: z.array(
        z.object({
          schema: z.object({ fields: z.array(z.object({ name: z.string() })) }),
          data: z.object({ values: z.array(z.array(z.unknown())) }),
        })
      ),
    }),
  }),
});

const row = z.object({
  traceID: z.string(),
  startTime: z.number(),
  service: z.string(),
  name: z.string(),
  duration: z.number(),
  status: z.string(),
  code: z.number(),
  failure: z.string(),
});

/** Root requests of the last 15 minutes: failed first, then slowest. */
export async function listTraces(workbench: string, limit: number): Promise<ListedTrace[]> {
  const query = { refId: 'A', queryType: 'traceSearch', order: 'failedFirst', limit };
  const response = await request(`${workbench}/api/ds/query`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ from: 'now-15m', to: 'now', queries: [query] }),
  });
  const text = await response.text();
  if (response.status >= 400) throw new CliError('QUERY_FAILED', `the workbench answered ${response.status}: ${text}`);
  return readList(text);
}

export function readList(text: string): ListedTrace[] {
  const { error, frames } = answer.parse(JSON.parse(text)).results.A;
  if (error !== undefined) throw new CliError('QUERY_FAILED', error);
  return frames.flatMap(({ schema, data }) => {
    const count = data.values[0]?.length ?? 0;
    return Array.from({ length: count }, (_, i) => {
      const cells = schema.fields.map(({ name }, column) => [name, data.values[column]?.[i]] as const);
      const { traceID, startTime, duration, ...rest } = row.parse(Object.fromEntries(cells));
      return { id: traceID, startMs: startTime, durationNs: duration, ...rest };
    });
  });
}

export function renderList(list: readonly ListedTrace[], colour: boolean): string {
  if (list.length === 0) return 'no request was seen within the last 15 minutes\n';
  const rows = list.map((trace) => ({
    failed: trace.status === 'Error',
    cells: [
      new Date(trace.startMs).toISOString().slice(11, 23),
      trace.service,
      trace.name,
      formatNs(trace.durationNs),
      trace.failure !== '' ? trace.failure : trace.code === 0 ? trace.status : String(trace.code),
      trace.id,
    ],
  }));
  const header = ['time (UTC)', 'service', 'request', 'duration', 'outcome', 'id'];
  const all = [header, ...rows.map(({ cells }) => cells)];
  const widths = header.map((_, column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (header[i] === 'duration' ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return (
    [
      line(header),
      ...rows.map(({ failed, cells }) => (colour && failed ? `\u001b[31m${line(cells)}\u001b[0m` : line(cells))),
    ].join('\n') + '\n'
  );
}
