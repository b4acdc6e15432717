import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { endProcesses, isRunning, processIdentity } from './processes.ts';

describe('process identity', () => {
  it('tells a process from another that got the same id later', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const identity = processIdentity(child.pid ?? 0);
    if (identity === undefined) throw new Error('sleep did not start');
    expect(isRunning(identity)).toBe(true);
    expect(isRunning({ ...identity, startTicks: String(Number(identity.startTicks) - 1) })).toBe(false);
    await endProcesses([{ ...identity, startTicks: '1' }], 100);
    expect(isRunning(identity)).toBe(true);
    await endProcesses([identity], 2000);
    expect(isRunning(identity)).toBe(false);
  });

  it('ends a process that ignores SIGTERM', async () => {
    const child = spawn('sh', ['-c', 'trap "" TERM; echo up; while :; do sleep 60; done'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    const identity = processIdentity(child.pid ?? 0);
    if (identity === undefined) throw new Error('sh did not start');
    await endProcesses([identity], 50);
    expect(isRunning(identity)).toBe(false);
  });

  it('knows no process under an id that is not given out', () => {
    expect(processIdentity(2 ** 22 + 1)).toBeUndefined();
  });
});
