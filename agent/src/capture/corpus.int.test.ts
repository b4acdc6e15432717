import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { formatAddress } from '@throughline/core';
import { describe, expect, it } from 'vitest';
import { PcapSource } from './PcapSource.ts';

/** Oracle: tcpdump's own reading of captures that others made. */
const CORPUS = fileURLToPath(new URL('../../../../shared/corpus/peer-captures', import.meta.url));

function reasonToSkip(): string | undefined {
  if (!existsSync(CORPUS)) return 'the corpus of captures is not beside the repository';
  if (spawnSync('tcpdump', ['--version']).error !== undefined) return 'tcpdump is not installed';
  return undefined;
}

const skipped = reasonToSkip();
if (skipped !== undefined) console.log(`skipped: ${skipped}`);

function readOurs(file: string): string[] {
  const source = PcapSource.open(file);
  const lines: string[] = [];
  while (!source.ended) {
    source.poll(
      () => {},
      (event) => {
        if (event.protocol !== 6) return;
        const from = `${formatAddress(event.sourceAddress)}.${event.sourcePort}`;
        lines.push(
          `${from} > ${formatAddress(event.destinationAddress)}.${event.destinationPort}: ${event.payloadLength}`
        );
      }
    );
  }
  source.close();
  return lines;
}

/** @returns undefined for a file that tcpdump itself cannot read */
function readByTcpdump(file: string): string[] | undefined {
  let text: string;
  try {
    text = execFileSync('tcpdump', ['-r', file, '-nn', '-q', 'tcp or vlan'], {
      encoding: 'latin1',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return undefined;
  }
  return [...text.matchAll(/ IP6? (\S+) > (\S+): tcp (\d+)/g)].map(
    ([, from, to, length]) => `${from} > ${to}: ${length}`
  );
}

describe.skipIf(skipped !== undefined)('PcapSource and tcpdump', () => {
  it('see the same TCP packets in every capture of the corpus', () => {
    let compared = 0;
    for (const file of globSync(`${CORPUS}/**/*.{pcap,pcapng}`)) {
      const theirs = readByTcpdump(file);
      if (theirs === undefined) continue;
      expect(readOurs(file), file).toEqual(theirs);
      compared++;
    }
    expect(compared).toBeGreaterThan(50);
  });
});
