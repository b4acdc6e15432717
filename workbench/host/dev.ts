// npm run dev: the demo, its plugins and its page built again on every change, open pages loaded anew.
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { buildPlugins, watchPlugins } from '@throughline/plugin-build';
import { buildPage, watchPage } from './pageBuild.ts';

const PROJECT_ROOT = resolve(import.meta.dirname, '../..');

const onProgress = (line: string): void => console.log(line);
await buildPlugins({ development: true, onProgress });
await buildPage({ set: 'current', onProgress });
watchPlugins();
await watchPage('current');
const demo = spawn(join(PROJECT_ROOT, 'throughline'), ['demo', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, THROUGHLINE_FRONTEND_BUILD: 'off', THROUGHLINE_WORKBENCH_RELOAD: 'true' },
});
// The demo ends itself on Ctrl-C, which reaches it as well.
process.on('SIGINT', () => {});
demo.once('exit', (code) => process.exit(code ?? 1));
