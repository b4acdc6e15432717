// Ends an instance, whether it runs or its command was killed half-way: whatever its record names, and whatever is in
// the namespaces that carry its prefix.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readRecord, removeRecord, type DemoProcess } from './instance.ts';
import { allNamespaces } from './network.ts';
import { endProcesses, processIdentity, type ProcessIdentity } from './processes.ts';
import { currentMode } from './realm.ts';
import { COUNTING_SERVICES } from './topology.ts';

const GRACE_MS = 4000;
const NAMESPACES = '/run/netns';

/** Returns whether there was anything to remove. Safe to call at any time, also twice. */
export async function removeInstance(directory: string, prefix: string): Promise<boolean> {
  const record = readRecord(directory);
  for (const group of inOrderOfEnding(record?.processes ?? [])) await endProcesses(group, GRACE_MS);
  let found = record !== undefined;
  if (currentMode() === 'root') found = (await removeNamespaces(prefix)) || found;
  // An ordinary user's namespaces end with the last process in them.
  if (record?.holder !== undefined) await endProcesses([record.holder], GRACE_MS);
  for (const folder of ['data', 'control', 'relay']) rmSync(join(directory, folder), { recursive: true, force: true });
  removeRecord(directory);
  return found;
}

/** Callers before those they call: a request under way is finished, and no name is looked up at a dead server. */
function inOrderOfEnding(processes: readonly DemoProcess[]): DemoProcess[][] {
  const entrances: readonly string[] = ['load', 'gateway'];
  const services: readonly string[] = COUNTING_SERVICES;
  const isEntrance = ({ name }: DemoProcess): boolean => entrances.includes(name);
  const isService = ({ name }: DemoProcess): boolean => services.includes(name);
  return [
    processes.filter(isEntrance),
    processes.filter(isService),
    processes.filter((process) => !isEntrance(process) && !isService(process)),
  ];
}

async function removeNamespaces(prefix: string): Promise<boolean> {
  const known = new Set(allNamespaces(prefix));
  const present = namedNamespaces().filter((name) => known.has(name));
  if (present.length === 0) return false;
  await endProcesses(processesIn(present), GRACE_MS);
  for (const name of present) {
    const path = join(NAMESPACES, name);
    // Not "ip netns delete": a name whose set-up was cut short is a plain file, not yet a mount.
    spawnSync('umount', ['--lazy', path]);
    rmSync(path);
  }
  return true;
}

function namedNamespaces(): string[] {
  return existsSync(NAMESPACES) ? readdirSync(NAMESPACES) : [];
}

function processesIn(names: readonly string[]): ProcessIdentity[] {
  const inodes = new Set(names.map((name) => statSync(join(NAMESPACES, name)).ino));
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    const identity = processIdentity(Number(entry));
    const inode = networkNamespace(entry);
    return identity !== undefined && inode !== undefined && inodes.has(inode) ? [identity] : [];
  });
}

/** Undefined for a process that ended meanwhile, or that even root may not look at and that is therefore not ours. */
function networkNamespace(pid: string): number | undefined {
  try {
    return statSync(`/proc/${pid}/ns/net`).ino;
  } catch {
    return undefined;
  }
}
