import { defineCommand, parsePortBase } from '../command.ts';
import { DEFAULT_PORT_BASE } from '../ports.ts';
import { runInstance } from '../start.ts';

export const up = defineCommand({
  summary: 'Starts store, ingest, workbench and an agent for this machine',
  usage: `up [--detach] [--port-base N]

  --detach        return when all is ready; "stop" ends it
  --port-base N   lowest of the ports; default ${DEFAULT_PORT_BASE}

Ends with Ctrl-C. Data is kept in .throughline/instance-N.`,
  options: {
    detach: { type: 'boolean', default: false },
    'port-base': { type: 'string', default: `${DEFAULT_PORT_BASE}` },
  },
  run: (values) => runInstance({ portBase: parsePortBase(values['port-base']), detach: values.detach }),
});
