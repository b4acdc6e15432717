import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunningStore, startStore } from '@throughline/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const testdata = join(root, 'store', 'testdata');
const folder = mkdtempSync(join(tmpdir(), 'throughline-clients-'));
let store: RunningStore;

beforeAll(async () => {
  store = await startStore();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  expect(await store.stop()).toBe(0);
});

function run(command: string, args: readonly string[], cwd = root): { ok: boolean; output: string } {
  const environment = {
    ...process.env,
    STORE_ADDRESS: store.url.replace('http://', ''),
    STORE_ADMIN_TOKEN: store.adminToken,
  };
  const result = spawnSync(command, args, { cwd, env: environment, encoding: 'utf8', timeout: 110_000 });
  return { ok: result.status === 0, output: `${result.stdout}\n${result.stderr}\n${result.error?.message ?? ''}` };
}

it('serves clickhouse-go over HTTP without compression, with LZ4 and with ZSTD', ({ skip }) => {
  const binary = join(folder, 'client');
  const built = run('go', ['build', '-o', binary, '.'], join(testdata, 'go'));
  if (!built.ok) skip(`clickhouse-go cannot be built here: ${built.output.trim().slice(0, 300)}`);
  const { ok, output } = run(binary, []);
  expect(output).not.toContain('FAIL');
  expect(ok).toBe(true);
  for (const method of ['none', 'lz4', 'zstd']) expect(output).toContain(`ok ${method} close`);
});

it('serves clickhouse-connect without compression, with gzip, ZSTD and LZ4', ({ skip }) => {
  // Kept between runs, because installing takes longer than the test.
  const environment = join(root, '.throughline', 'test-clickhouse-connect');
  const python = join(environment, 'bin', 'python');
  const installed = existsSync(python) && run(python, ['-c', 'import clickhouse_connect']).ok;
  if (!installed) {
    mkdirSync(environment, { recursive: true });
    const made = run('python3', ['-m', 'venv', environment]);
    if (!made.ok) skip(`no Python with venv here: ${made.output.trim().slice(0, 300)}`);
    const got = run(python, ['-m', 'pip', 'install', '-q', 'clickhouse-connect==1.12.0']);
    if (!got.ok) skip(`clickhouse-connect cannot be installed here: ${got.output.trim().slice(0, 300)}`);
  }
  const { ok, output } = run(python, [join(testdata, 'python', 'connect.py')]);
  expect(output).not.toContain('Traceback');
  expect(ok).toBe(true);
  for (const compression of ['False', 'gzip', 'zstd', 'lz4']) expect(output).toContain(`ok exception ${compression}`);
});
