// node workbench/demo/load.ts --requests N [--concurrency N] [--rate N]   sends exactly N, prints the report as JSON
// node workbench/demo/load.ts start [--concurrency N] [--rate N]          sends until stopped
// node workbench/demo/load.ts report | stop                               prints what was sent so far, or in all
// All take --port-base N, --state DIR and --truth.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_PORT_BASE, openDemo, type Demo, type LoadOptions, type LoadReport } from './index.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'port-base': { type: 'string', default: String(DEFAULT_PORT_BASE) },
    state: { type: 'string', default: resolve(import.meta.dirname, '../../.throughline') },
    requests: { type: 'string' },
    concurrency: { type: 'string' },
    rate: { type: 'string' },
    truth: { type: 'boolean', default: false },
  },
});

function count(name: 'requests' | 'concurrency' | 'rate'): { [key: string]: number } {
  const text = values[name];
  if (text === undefined) return {};
  const value = Number(text);
  if (!(value > 0) || (name !== 'rate' && !Number.isInteger(value))) {
    throw new Error(`--${name} ${text} is not a positive number`);
  }
  return { [name]: value };
}

async function run(demo: Demo): Promise<LoadReport | undefined> {
  const options: LoadOptions = { ...count('concurrency'), ...count('rate'), truth: values.truth };
  const { requests } = count('requests');
  const action = positionals[0];
  if (requests !== undefined && action === undefined) return demo.runLoad({ ...options, requests });
  if (action === 'start') await demo.startLoad(options);
  else if (action === 'stop') return demo.stopLoad();
  else if (action !== 'report') throw new Error('expected --requests N, start, report or stop; see the top of load.ts');
  return demo.loadReport();
}

try {
  const report = await run(openDemo(values.state, Number(values['port-base'])));
  console.log(report === undefined ? 'no load is running' : JSON.stringify(report, undefined, 2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
