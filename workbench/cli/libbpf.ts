import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { unpackDebian } from '../demo/debian.ts';
import { STATE_DIRECTORY } from './instance.ts';

const SONAME = 'libbpf.so.1';
const DEBIAN_PACKAGE = 'libbpf1';
const MULTIARCH = process.arch === 'x64' ? 'x86_64-linux-gnu' : 'aarch64-linux-gnu';

/** Path of the system's libbpf, as the dynamic linker finds it. */
export function systemLibbpf(): string | undefined {
  const { stdout } = spawnSync('ldconfig', ['--print-cache'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  });
  return (stdout ?? '')
    .split('\n')
    .find((line) => line.trimStart().startsWith(`${SONAME} `))
    ?.split(' => ')[1];
}

/** Undefined where the system has one; else the path of Debian's, unpacked in our folder. */
export async function unpackLibbpf(onProgress: (message: string) => void): Promise<string | undefined> {
  if (systemLibbpf() !== undefined) return undefined;
  const root = await unpackDebian([DEBIAN_PACKAGE], {
    stateDirectory: STATE_DIRECTORY,
    onProgress: (message) => onProgress(`libbpf: ${message}`),
  });
  return ['usr/lib', 'lib'].map((folder) => join(root, folder, MULTIARCH, SONAME)).find((path) => existsSync(path));
}
