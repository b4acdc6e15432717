import { readdirSync, statSync } from 'node:fs';

/** Network namespaces of the host: those of processes that may be looked at, and those that have a name. */
export function listNetworkNamespaces(): ReadonlyMap<number, string> {
  const byInode = new Map<number, string>();
  const add = (path: string): void => {
    try {
      const inode = statSync(path).ino;
      if (!byInode.has(inode)) byInode.set(inode, path);
    } catch {
      // The process has ended, or belongs to somebody else: its namespace is not ours to enter.
    }
  };
  // First, so that packets are captured even where /proc shows no other process.
  add('/proc/thread-self/ns/net');
  for (const name of entries('/run/netns')) add(`/run/netns/${name}`);
  for (const name of entries('/proc')) if (/^\d+$/.test(name)) add(`/proc/${name}/ns/net`);
  return byInode;
}

/** Inode number of the network namespace of this thread. */
export function ownNetworkNamespace(): number {
  return statSync('/proc/thread-self/ns/net').ino;
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
