import { defineCommand, parsePortBase } from '../command.ts';
import { CliError } from '../errors.ts';
import { endInstance } from '../end.ts';
import { Instance, recordedInstances } from '../instance.ts';

export const stop = defineCommand({
  summary: 'Ends a running instance, or removes what a killed one left',
  usage: `stop [--port-base N]

  --port-base N   which instance; default: the one that runs

Data, logs and tokens stay under .throughline/instance-N.`,
  options: { 'port-base': { type: 'string' } },
  run: async (values) => {
    const instance =
      values['port-base'] === undefined ? onlyInstance() : new Instance(parsePortBase(values['port-base']));
    if (instance === undefined || !(await endInstance(instance))) {
      process.stderr.write('nothing runs\n');
      return 0;
    }
    process.stderr.write(`stopped the instance with port base ${instance.portBase}\n`);
    return 0;
  },
});

/** Also one whose command was killed. */
function onlyInstance(): Instance | undefined {
  const recorded = recordedInstances();
  const running = recorded.filter((instance) => instance.isRunning());
  const candidates = running.length > 0 ? running : recorded;
  if (candidates.length > 1) {
    const bases = candidates.map((instance) => instance.portBase).join(', ');
    throw new CliError('SEVERAL_RUNNING', `instances run with port bases ${bases}; name one with --port-base N`);
  }
  return candidates[0];
}
