import { type ReadableStream } from 'node:stream/web';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { defineCommand, parsePortBase } from '../command.ts';
import { CliError } from '../errors.ts';
import { request } from '../request.ts';
import { runningInstance } from '../instance.ts';
import { portsOf } from '../ports.ts';
import { storeUrl } from '../services.ts';

export const sql = defineCommand({
  summary: 'Asks the running store, with the token that can only read',
  usage: `sql 'SELECT …' [--format F] [--port-base N]

  --format F      a format of ClickHouse; default PrettyCompact on a terminal, else TabSeparatedWithNames
                  (TabSeparated, JSONEachRow and CSV have no limit of rows: they come while they are read)
  --port-base N   which instance; default: the one that runs

Tables are described in docs/tables.md: spans, red_1s, red_1m, entities, trace_index, events, links.`,
  options: { format: { type: 'string' }, 'port-base': { type: 'string' } },
  maxPositionals: 1,
  run: async (values, [statement]) => {
    if (statement === undefined) throw new CliError('USAGE', "a statement is needed: sql 'SELECT …'");
    const portBase = values['port-base'] === undefined ? undefined : parsePortBase(values['port-base']);
    const instance = runningInstance(portBase);
    const format = values.format ?? (process.stdout.isTTY ? 'PrettyCompact' : 'TabSeparatedWithNames');
    const url = new URL(storeUrl(portsOf(instance.portBase)));
    url.search = String(new URLSearchParams({ database: 'throughline', default_format: format }));
    const response = await request(url, {
      method: 'POST',
      headers: { Authorization: `Bearer ${instance.readTokens().read}` },
      body: statement,
    });
    if (!response.ok || response.body === null) throw new CliError('QUERY_FAILED', (await response.text()).trim());
    const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
    try {
      // Not ended with the answer: standard output outlives it.
      await pipeline(body, process.stdout, { end: false });
    } catch (cause) {
      throw new CliError('QUERY_FAILED', 'the store broke off its answer; the last line above may say why', { cause });
    }
    return 0;
  },
});
