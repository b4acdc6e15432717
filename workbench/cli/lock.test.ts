import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { processIdentity, type ProcessIdentity } from '../demo/processes.ts';
import { releaseLock, takeLock } from './lock.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'throughline-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function self(): ProcessIdentity {
  const identity = processIdentity(process.pid);
  if (identity === undefined) throw new Error('no /proc');
  return identity;
}

it('is held by one, who is named to the next, until released', () => {
  expect(takeLock(path, self())).toBeUndefined();
  const other = { pid: 999_999_999, startTicks: '1' };
  expect(takeLock(path, other)).toEqual(self());
  releaseLock(path, other);
  expect(existsSync(path)).toBe(true);
  releaseLock(path, self());
  expect(readdirSync(folder)).toEqual([]);
});

it('is taken from a dead process, also where its id belongs to another by now', () => {
  writeFileSync(path, JSON.stringify({ pid: process.pid, startTicks: '1' }));
  expect(takeLock(path, self())).toBeUndefined();
  expect(readdirSync(folder)).toEqual(['lock']);
});

it('goes to one of many processes that find a stale one at the same time', { timeout: 60_000 }, async () => {
  writeFileSync(path, JSON.stringify({ pid: process.pid, startTicks: '1' }));
  const script = `
    import { takeLock } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))};
    import { processIdentity } from ${JSON.stringify(join(import.meta.dirname, '../demo/processes.ts'))};
    const holder = takeLock(process.argv[1], processIdentity(process.pid));
    console.log(holder === undefined ? 'taken' : 'held');
    process.stdin.resume(); // holds it until told to end`;
  const children = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--input-type=module', '--eval', script, path], { stdio: ['pipe', 'pipe', 'inherit'] })
  );
  const answers = await Promise.all(
    children.map((child) => new Promise((resolve) => child.stdout.once('data', (data) => resolve(String(data).trim()))))
  );
  for (const child of children) child.stdin.end();
  expect(answers.filter((answer) => answer === 'taken')).toHaveLength(1);
});
