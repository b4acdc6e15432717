import { statSync } from 'node:fs';
import { type UserIds } from '../demo/index.ts';

const NOBODY: UserIds = { uid: 65_534, gid: 65_534 };

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * Who runs what needs no capabilities: ourselves, or under root the owner of the checkout, else who called sudo, else
 * nobody.
 */
export function unprivilegedUser(projectRoot: string, env: NodeJS.ProcessEnv = process.env): UserIds {
  if (!isRoot()) return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const { uid, gid } = statSync(projectRoot);
  if (uid !== 0) return { uid, gid };
  const sudo = { uid: Number(env['SUDO_UID'] ?? 0), gid: Number(env['SUDO_GID'] ?? 0) };
  return sudo.uid > 0 && sudo.gid > 0 ? sudo : NOBODY;
}
