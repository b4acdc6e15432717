// Every process of an instance carries the instance's folder in its environment, so that one is found again that was
// started but not yet written down when its command was killed.
import { readdirSync, readFileSync } from 'node:fs';
import { instanceDirectory, instancePrefix } from '../demo/instance.ts';
import { processIdentity, type ProcessIdentity } from '../demo/processes.ts';
import { type Instance } from './instance.ts';

export const INSTANCE_VARIABLE = 'THROUGHLINE_INSTANCE';

/** Running processes of the instance, its demo included; not this one. */
export function markedProcesses(instance: Instance, stateDirectory: string): ProcessIdentity[] {
  const marks = [
    `${INSTANCE_VARIABLE}=${instance.directory}`,
    // The demo gives its programs an environment of its own.
    `HOME=${instanceDirectory(stateDirectory, instancePrefix(instance.portBase))}`,
  ];
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) return [];
    // Before its environment: should the id change hands in between, the identity is of one that has ended.
    const identity = processIdentity(Number(entry));
    return identity !== undefined && environmentOf(entry).some((text) => marks.includes(text)) ? [identity] : [];
  });
}

/** Empty for a process that ended meanwhile, or that belongs to another user. */
function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
