import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { Instance, PROJECT_ROOT } from './instance.ts';
import { portUses, takenPorts } from './ports.ts';
import { alive, freeBase, pidsOf, removeInstances, throughline } from './testInstances.ts';

afterAll(removeInstances);

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

/** Whatever of the instance runs: its folder is in the environment of each. */
function processesThatName(text: string): number[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      return readFileSync(`/proc/${entry}/environ`, 'latin1').includes(text) ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}

it('stop finds what a command killed at its first child had not written down', { timeout: 100_000 }, async () => {
  const base = await freeBase();
  for (let round = 0; round < 4; round++) {
    const command = join(PROJECT_ROOT, 'node_modules/.bin/node');
    const main = join(import.meta.dirname, 'main.ts');
    const child = spawn(command, [main, 'up', '--port-base', String(base)], { stdio: 'ignore' });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    while (childrenOf(child.pid ?? 0).length === 0 && child.exitCode === null) await delay(1);
    child.kill('SIGKILL');
    await exited;
    const { code, stderr } = await throughline('stop', '--port-base', String(base));
    expect({ code, stderr }).toEqual({ code: 0, stderr: `stopped the instance with port base ${base}\n` });
    expect(processesThatName(new Instance(base).directory)).toEqual([]);
    expect(await takenPorts(portUses(base, { agents: 1, gateway: false }))).toEqual([]);
  }
});

it('of starts at the same time one wins, and the others leave it alone', { timeout: 100_000 }, async () => {
  const base = await freeBase();
  const args = ['up', '--detach', '--port-base', String(base)];
  const outcomes = await Promise.all([throughline(...args), throughline(...args), throughline(...args)]);
  expect(outcomes.map(({ code }) => code).sort()).toEqual([0, 1, 1]);
  for (const { stderr } of outcomes.filter(({ code }) => code === 1)) {
    expect(stderr).toMatch(/runs already, pid \d+/);
  }
  const pids = pidsOf(base);
  expect(alive(pids)).toEqual(pids);
  const answer = await throughline('sql', 'SELECT 6 * 7 AS answer', '--port-base', String(base));
  expect(answer).toEqual({ code: 0, stdout: 'answer\n42\n', stderr: '' });
  await throughline('stop', '--port-base', String(base));
});

it('says why a service did not start, and leaves nothing of the start', { timeout: 60_000 }, async () => {
  const base = await freeBase();
  const instance = new Instance(base);
  instance.prepare({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
  writeFileSync(instance.storeDirectory, 'no folder');
  const { code, stderr } = await throughline('up', '--detach', '--port-base', String(base));
  expect(code).toBe(1);
  expect(stderr).toContain('store did not start');
  expect(stderr).toContain(instance.storeDirectory);
  expect(stderr).not.toContain('Node.js v');
  expect(processesThatName(instance.directory)).toEqual([]);
});

it('doctor says that packages cannot be reached, and does not hang', { timeout: 60_000 }, () => {
  const nowhere = 'http://127.0.0.1:9';
  const text = execFileSync(join(PROJECT_ROOT, 'throughline'), ['doctor'], {
    env: { ...process.env, http_proxy: nowhere, https_proxy: nowhere, no_proxy: '', NO_PROXY: '' },
    encoding: 'utf8',
  });
  expect(text).toMatch(/^npm .*does not answer/m);
});
