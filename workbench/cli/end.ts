import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { stopLeftovers } from '../demo/index.ts';
import { endProcesses, isRunning } from '../demo/processes.ts';
import { CliError } from './errors.ts';
import { STATE_DIRECTORY, type Instance } from './instance.ts';
import { readLock } from './lock.ts';
import { markedProcesses } from './marks.ts';

const GRACE_MS = 5000;
/** The command in the foreground ends everything it started first. */
const SUPERVISOR_GRACE_MS = 20_000;

/**
 * Ends an instance, whether it runs or its command was killed, even before it wrote down
 * what it had started. Agents first, then the demo, then what they send to.
 * Returns whether there was anything.
 */
export async function endInstance(instance: Instance, stateDirectory: string = STATE_DIRECTORY): Promise<boolean> {
  const record = instance.readProcesses();
  try {
    const supervisor = readLock(instance.lockPath);
    const isSupervised = supervisor !== undefined && supervisor.pid !== process.pid && isRunning(supervisor);
    if (isSupervised) await endProcesses([supervisor], SUPERVISOR_GRACE_MS);
    const processes = instance.readProcesses()?.processes ?? record?.processes ?? [];
    const isAgent = ({ name }: { name: string }): boolean => name.startsWith('agent');
    await endProcesses(processes.filter(isAgent), GRACE_MS);
    const hadDemo = await stopLeftovers(stateDirectory, instance.portBase);
    for (const process of processes.filter((each) => !isAgent(each)).reverse()) await endProcesses([process], GRACE_MS);
    const unrecorded = markedProcesses(instance, stateDirectory);
    await endProcesses(unrecorded, GRACE_MS);
    instance.removeRecords();
    removeUnfinishedPackages(stateDirectory);
    return record !== undefined || hadDemo || isSupervised || unrecorded.length > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM' && (error as NodeJS.ErrnoException).code !== 'EACCES')
      throw error;
    throw new CliError(
      'NOT_RUNNING',
      `the instance with port base ${instance.portBase} belongs to another user; stop it as that user, or with sudo`,
      { cause: error }
    );
  }
}

/** A download that was killed half-way. */
function removeUnfinishedPackages(stateDirectory: string): void {
  const folder = join(stateDirectory, 'packages');
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const [, pid] = /-unfinished-(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}
