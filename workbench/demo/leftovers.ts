// Ends an instance, whether it runs or its command was killed half-way: whatever its record names, and whatever is in
// the namespaces that carry its prefix.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readRecord, removeRecord } from './instance.ts';
import { allNamespaces } from './network.ts';
import { endProcesses, processIdentity, type ProcessIdentity } from './processes.ts';
import { currentMode, runInRealm, type Realm } from './realm.ts';

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
  const realm: Realm = { mode: 'root' };
  const inside = present.flatMap((name) =>
    runInRealm(realm, ['ip', 'netns', 'pids', name])
      .split('\n')
      .flatMap((line) => (line === '' ? [] : identities(Number(line))))
  );
  await endProcesses(inside, GRACE_MS);
  for (const name of present) runInRealm(realm, ['ip', 'netns', 'delete', name]);
  return present.length > 0;
}

function namedNamespaces(): string[] {
  try {
    return readdirSync(NAMESPACES);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function identities(pid: number): ProcessIdentity[] {
  const identity = processIdentity(pid);
  return identity === undefined ? [] : [identity];
}
