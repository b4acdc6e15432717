// node .ci/generate.ts [--check]: writes everything that is generated from something else, or says what is stale.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

const GENERATORS = [
  'libs/wire/src/generate.ts',
  'libs/grafana-backend/src/generate.ts',
  'libs/schema/src/generate.ts',
  'bpf/generate-offsets.ts',
  'provisioning/generate.ts',
];

for (const generator of GENERATORS) {
  const { status, error } = spawnSync(process.execPath, [generator, ...process.argv.slice(2)], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (status === 0) continue;
  console.error(`${generator} failed${error === undefined ? '' : `: ${error.message}`}`);
  process.exitCode = 1;
}
