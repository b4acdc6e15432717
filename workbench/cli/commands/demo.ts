import { defineCommand, parsePortBase } from '../command.ts';
import { DEFAULT_PORT_BASE } from '../ports.ts';
import { runInstance } from '../start.ts';

export const demo = defineCommand({
  summary: 'Starts everything with a small shop of real processes to look at',
  usage: `demo [--detach] [--no-load] [--port-base N]

  --detach        return when all is ready; "stop" ends it
  --no-load       send no requests; workbench/demo/load.ts does
  --port-base N   lowest of the ports; default ${DEFAULT_PORT_BASE}

Ends with Ctrl-C. The first start downloads Debian packages into .throughline/packages; nothing is installed.`,
  options: {
    detach: { type: 'boolean', default: false },
    'no-load': { type: 'boolean', default: false },
    'port-base': { type: 'string', default: `${DEFAULT_PORT_BASE}` },
  },
  run: (values) =>
    runInstance({
      portBase: parsePortBase(values['port-base']),
      detach: values.detach,
      demo: { load: !values['no-load'] },
    }),
});
