// A process is known by its id and the time it started, so that a reused id is never mistaken for it.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot. */
  readonly startTicks: string;
}

const POLL_MS = 20;

/** Undefined when there is no such process, or only its exit status is left of it. */
export function processIdentity(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTicks = fields[18];
  return state === 'Z' || startTicks === undefined ? undefined : { pid, startTicks };
}

export function isRunning(process: ProcessIdentity): boolean {
  return processIdentity(process.pid)?.startTicks === process.startTicks;
}

/** Asks with SIGTERM, then insists with SIGKILL on the whole process group. */
export async function endProcesses(processes: readonly ProcessIdentity[], graceMs: number): Promise<void> {
  for (const process of processes) if (isRunning(process)) signal(process.pid, 'SIGTERM');
  if (await allGone(processes, graceMs)) return;
  for (const process of processes) {
    if (!isRunning(process)) continue;
    signal(-process.pid, 'SIGKILL');
    signal(process.pid, 'SIGKILL');
  }
  await allGone(processes, 2000);
}

async function allGone(processes: readonly ProcessIdentity[], withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (processes.some(isRunning)) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
