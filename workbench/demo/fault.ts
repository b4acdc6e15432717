// node workbench/demo/fault.ts NAME on|off [--port-base N] [--state DIR]
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_PORT_BASE, FAULTS, isFaultName, openDemo } from './index.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'port-base': { type: 'string', default: String(DEFAULT_PORT_BASE) },
    state: { type: 'string', default: resolve(import.meta.dirname, '../../.throughline') },
  },
});
const [name, state] = positionals;
if (name === undefined || !isFaultName(name) || (state !== 'on' && state !== 'off')) {
  console.error('usage: fault.ts NAME on|off [--port-base N] [--state DIR]\n\nfaults:');
  for (const [fault, effect] of Object.entries(FAULTS)) console.error(`  ${fault.padEnd(15)} ${effect}`);
  process.exitCode = 2;
} else {
  try {
    await openDemo(values.state, Number(values['port-base'])).fault(name, state === 'on');
    console.log(`${name} is ${state}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
