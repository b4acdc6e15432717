import { FAULTS, isFaultName, openDemo } from '../../demo/index.ts';
import { defineCommand, parsePortBase } from '../command.ts';
import { CliError } from '../errors.ts';
import { runningInstance, STATE_DIRECTORY } from '../instance.ts';

const list = Object.entries(FAULTS)
  .map(([name, effect]) => `  ${name.padEnd(15)} ${effect}`)
  .join('\n');

export const fault = defineCommand({
  summary: 'Breaks the running demo in a known way, or mends it',
  usage: `fault NAME on|off [--port-base N]

${list}

  --port-base N   which instance; default: the one that runs`,
  options: { 'port-base': { type: 'string' } },
  maxPositionals: 2,
  run: async (values, [name, state]) => {
    if (name === undefined || !isFaultName(name)) throw new CliError('USAGE', `there is no fault "${name ?? ''}"`);
    if (state !== 'on' && state !== 'off') throw new CliError('USAGE', `say "${name} on" or "${name} off"`);
    const portBase = values['port-base'] === undefined ? undefined : parsePortBase(values['port-base']);
    await openDemo(STATE_DIRECTORY, runningInstance(portBase).portBase).fault(name, state === 'on');
    process.stderr.write(`${name} is ${state}\n`);
    return 0;
  },
});
