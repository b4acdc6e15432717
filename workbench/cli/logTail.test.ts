import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { logTail } from './logTail.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'throughline-log-'));
  path = join(folder, 'store.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('shows what a program that Node ended died of', () => {
  const { stderr } = spawnSync(process.execPath, ['--eval', "throw new Error('the disk is full')"]);
  writeFileSync(path, stderr);
  expect(stderr.toString()).toMatch(/\nNode\.js v\d+/);
  expect(logTail(path)).toContain('Error: the disk is full');
  expect(logTail(path)).not.toContain('Node.js v');
});

it('shows the messages of JSON lines, the last eight', () => {
  const lines = Array.from({ length: 20 }, (_, i) => JSON.stringify({ level: 30, msg: `step ${i}` }));
  writeFileSync(path, `${lines.join('\n')}\n{"level":50\n`);
  expect(logTail(path).split('\n').slice(1)).toEqual([
    ...[13, 14, 15, 16, 17, 18, 19].map((i) => `  step ${i}`),
    '  {"level":50',
  ]);
});

it('says nothing for an empty log', () => {
  writeFileSync(path, '');
  expect(logTail(path)).toBe('');
});
