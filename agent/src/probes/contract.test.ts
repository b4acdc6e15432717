import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const BPF = fileURLToPath(new URL('../../../bpf/', import.meta.url));
const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

/** The kernel side is committed as objects, so that running needs no compiler. These tests hold source and object together. */
describe('bpf/prebuilt', () => {
  it('was built from the sources as they are: else run bpf/build.sh', () => {
    // The order of build.sh: the shell sorts each pattern.
    const patterns = ['build.sh', '*.bpf.c', '*.bpf.h', 'include/*.h'];
    const sources = patterns.flatMap((pattern) => globSync(pattern, { cwd: BPF }).sort());
    const text = Buffer.concat(sources.map((source) => readFileSync(BPF + source)));
    expect(sha256(text)).toBe(readFileSync(`${BPF}prebuilt/SOURCES.sha256`, 'utf8').trim());
  });

  it('holds the objects whose sums are committed', () => {
    const lines = readFileSync(`${BPF}prebuilt/SHA256SUMS`, 'utf8').trim().split('\n');
    const objects = lines.map((line) => /^([0-9a-f]{64}) {2}\.\/(\S+)$/.exec(line)!);
    expect(objects.map(([, , name]) => name)).toEqual(['packet.bpf.o', 'socket.bpf.o', 'socket_raw_tp.bpf.o']);
    for (const [, sum, name] of objects) expect(sha256(readFileSync(`${BPF}prebuilt/${name}`))).toBe(sum);
  });

  it('agrees with events.gen.ts: else run "node bpf/generate-offsets.ts"', () => {
    execFileSync(process.execPath, [`${BPF}generate-offsets.ts`, '--check']);
  });
});
