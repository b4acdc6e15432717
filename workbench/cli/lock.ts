// Whoever starts an instance holds its lock until the instance runs without it, or has ended.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isRunning, type ProcessIdentity } from '../demo/processes.ts';

/**
 * Takes the lock, also from a process that died with it. Returns undefined, or the running process that holds it.
 * The file appears with its content (a link, which fails where one is): no reader meets half of it.
 */
export function takeLock(path: string, self: ProcessIdentity): ProcessIdentity | undefined {
  const own = `${path}.${self.pid}`;
  writeFileSync(own, JSON.stringify(self));
  try {
    for (;;) {
      if (unlessErrno('EEXIST', () => linkSync(own, path))) return undefined;
      const holder = readLock(path);
      if (holder !== undefined && isRunning(holder)) return holder;
      if (holder !== undefined) removeStale(path, holder, `${own}.stale`);
    }
  } finally {
    rmSync(own, { force: true });
  }
}

export function releaseLock(path: string, self: ProcessIdentity): void {
  const holder = readLock(path);
  if (holder !== undefined && isSame(holder, self)) rmSync(path, { force: true });
}

export function readLock(path: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Moved aside first: where another start was faster, it is that start's lock which has moved, and it goes back. */
function removeStale(path: string, stale: ProcessIdentity, aside: string): void {
  if (!unlessErrno('ENOENT', () => renameSync(path, aside))) return;
  const moved = readLock(aside);
  if (moved !== undefined && !isSame(moved, stale)) unlessErrno('EEXIST', () => linkSync(aside, path));
  rmSync(aside, { force: true });
}

function isSame(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startTicks === b.startTicks;
}

/** Whether it was done, and not refused for that reason. */
function unlessErrno(code: string, action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === code) return false;
    throw error;
  }
}
