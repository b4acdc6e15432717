// An instance of the demo: its folder, and the record by which a later command finds it again.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DemoError } from './errors.ts';
import { type ProcessIdentity } from './processes.ts';
import { type Mode } from './realm.ts';

export const DEFAULT_PORT_BASE = 4300;

export interface DemoProcess extends ProcessIdentity {
  readonly name: string;
}

/** Everything that has to be ended or asked when the process that started the demo is gone. */
export interface InstanceRecord {
  readonly prefix: string;
  readonly mode: Mode;
  readonly user: UserIds;
  readonly holder?: ProcessIdentity;
  readonly processes: readonly DemoProcess[];
  /** Where the Debian packages are unpacked. */
  readonly unpackedRoot: string;
  /** Where the gateway is published; absent if it is not. */
  readonly gatewayUrl?: string;
}

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

export function instancePrefix(portBase: number): string {
  return `tl${portBase}`;
}

export function instanceDirectory(stateDirectory: string, prefix: string): string {
  return join(stateDirectory, 'demo', prefix);
}

export function writeRecord(directory: string, record: InstanceRecord): void {
  const path = recordPath(directory);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, JSON.stringify(record, undefined, 2));
  renameSync(`${path}.new`, path);
}

export function readRecord(directory: string): InstanceRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordPath(directory), 'utf8')) as InstanceRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export function requireRecord(directory: string): InstanceRecord {
  const record = readRecord(directory);
  if (record === undefined) {
    throw new DemoError('NOT_RUNNING', `no demo runs in ${directory}; start one, or name its --port-base`);
  }
  return record;
}

export function removeRecord(directory: string): void {
  rmSync(recordPath(directory), { force: true });
}

export function processNamed(record: InstanceRecord, name: string): DemoProcess {
  const found = record.processes.find((process) => process.name === name);
  if (found === undefined) throw new DemoError('NOT_RUNNING', `the demo ${record.prefix} has no process ${name}`);
  return found;
}

function recordPath(directory: string): string {
  return join(directory, 'instance.json');
}
