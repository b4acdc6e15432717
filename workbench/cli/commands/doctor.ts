import { defineCommand, parsePortBase } from '../command.ts';
import { examine, render } from '../examination.ts';
import { DEFAULT_PORT_BASE } from '../ports.ts';

export const doctor = defineCommand({
  summary: 'Says what this machine allows: kernel, capabilities, ways to capture, disk, packages, ports',
  usage: `doctor [--json] [--port-base N]

  --json          as one JSON document
  --port-base N   the ports to look at; default ${DEFAULT_PORT_BASE}`,
  options: {
    json: { type: 'boolean', default: false },
    'port-base': { type: 'string', default: `${DEFAULT_PORT_BASE}` },
  },
  run: async (values) => {
    const examination = await examine(parsePortBase(values['port-base']));
    process.stdout.write(values.json ? JSON.stringify(examination, undefined, 2) + '\n' : render(examination));
    return 0;
  },
});
