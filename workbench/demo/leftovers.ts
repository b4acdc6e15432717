// Ends an instance, whether it runs or its command was killed half-way: whatever its record names, and whatever is in
// the namespaces that carry its prefix.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readRecord, removeRecord } from './instance.ts';
import { allNamespaces } from './network.ts';
import { endProcesses, processIdentity, type ProcessIdentity } from './processes.ts';
import { currentMode } from './realm.ts';

const GRACE_MS = 4000;
const NAMESPACES = '/run/netns';

/** Returns whether there was anything to remove. Safe to call at any time, also twice. */
export async function removeInstance(directory: string, prefix: string): Promise<boolean> {
  const record = readRecord(directory);
  const recorded = record?.processes ?? [];
  await endProcesses(recorded, GRACE_MS);
  let found = record !== undefined;
  if (currentMode() === 'root') found = (await removeNamespaces(prefix)) || found;
  // An ordinary user's namespaces end with the last process in them.
  if (record?.holder !== undefined) await endProcesses([record.holder], GRACE_MS);
  for (const folder of ['data', 'control', 'relay']) rmSync(join(directory, folder), { recursive: true, force: true });
  removeRecord(directory);
  return found;
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
