// node provisioning/generate.ts [--check]: writes provisioning/dashboards/*.json, or says which are stale.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import { DASHBOARDS } from './definitions/index.ts';

const folder = join(import.meta.dirname, 'dashboards');

const isCheck = process.argv.includes('--check');
for (const [name, dashboard] of DASHBOARDS) {
  const file = join(folder, `${name}.json`);
  const text = await format(JSON.stringify(dashboard), { parser: 'json', printWidth: 120 });
  if (!isCheck) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    fail(`provisioning/dashboards/${name}.json is older than its definition; run "npm run gen"`);
  }
}
for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  if (DASHBOARDS.has(file.slice(0, -'.json'.length))) continue;
  if (isCheck) fail(`provisioning/dashboards/${file} has no definition; run "npm run gen"`);
  else rmSync(join(folder, file));
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
