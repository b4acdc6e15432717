// What integration tests of the command share: instances on ports of their own, removed afterwards.
import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { processIdentity } from '../demo/processes.ts';
import { Instance, PROJECT_ROOT } from './instance.ts';
import { portUses, takenPorts } from './ports.ts';

export const COMMAND = join(PROJECT_ROOT, 'throughline');
const bases: number[] = [];

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function throughline(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(COMMAND, args, { cwd: '/', timeout: 90_000, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}

export async function freeBase(): Promise<number> {
  for (;;) {
    const base = 20_000 + 100 * Math.floor(Math.random() * 120);
    const taken = await takenPorts(portUses(base, { agents: 2, gateway: true }));
    if (taken.length > 0 || bases.includes(base) || existsSync(new Instance(base).directory)) continue;
    bases.push(base);
    return base;
  }
}

export function pidsOf(base: number): number[] {
  return (new Instance(base).readProcesses()?.processes ?? []).map(({ pid }) => pid);
}

export const alive = (pids: readonly number[]): number[] => pids.filter((pid) => processIdentity(pid) !== undefined);

export async function removeInstances(): Promise<void> {
  for (const base of bases) {
    await throughline('stop', '--port-base', String(base));
    rmSync(new Instance(base).directory, { recursive: true, force: true });
  }
}
