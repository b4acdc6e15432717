import { renderTrace } from '@throughline/tracing';
import { defineCommand, parsePortBase, parsePositiveInteger } from '../command.ts';
import { CliError } from '../errors.ts';
import { request } from '../request.ts';
import { runningInstance } from '../instance.ts';
import { portsOf } from '../ports.ts';
import { workbenchUrl } from '../services.ts';
import { parseTrace } from '../traceJson.ts';
import { listTraces, renderList } from '../traceList.ts';

export const trace = defineCommand({
  summary: 'Prints a trace as a tree, or lists recent ones: failed first, then slowest',
  usage: `trace [ID] [--json] [--limit N] [--port-base N]

  ID              of a trace, or of any span in it; without it recent requests are listed
  --json          as JSON
  --limit N       how many to list; default 20
  --port-base N   which instance; default: the one that runs`,
  options: {
    json: { type: 'boolean', default: false },
    limit: { type: 'string', default: '20' },
    'port-base': { type: 'string' },
  },
  maxPositionals: 1,
  run: async (values, [id]) => {
    const limit = parsePositiveInteger('--limit', values.limit);
    if (id !== undefined && !/^([0-9a-f]{16}|[0-9a-f]{32})$/i.test(id)) {
      throw new CliError('USAGE', `"${id}" is no id: 32 hexadecimal digits for a trace, 16 for a span`);
    }
    const instance = runningInstance(
      values['port-base'] === undefined ? undefined : parsePortBase(values['port-base'])
    );
    const workbench = workbenchUrl(portsOf(instance.portBase));
    if (id === undefined) {
      const list = await listTraces(workbench, limit);
      process.stdout.write(values.json ? JSON.stringify(list, undefined, 2) + '\n' : renderList(list, isColour()));
      return 0;
    }
    const response = await request(`${workbench}/api/datasources/uid/throughline/resources/trace/${id.toLowerCase()}`);
    const body = await response.text();
    if (response.status === 404) throw new CliError('NOT_FOUND', `no trace has the id ${id}, nor any span`);
    if (!response.ok) throw new CliError('QUERY_FAILED', `the workbench answered ${response.status}: ${body.trim()}`);
    process.stdout.write(values.json ? `${body.trim()}\n` : renderTrace(parseTrace(body), { colour: isColour() }));
    return 0;
  },
});

function isColour(): boolean {
  return process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
}
