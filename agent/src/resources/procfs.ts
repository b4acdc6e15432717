import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { mapIPv4 } from '@throughline/core';

/**
 * What /proc says, read whole or not at all: a process may end between two reads, and without privilege much is unreadable.
 * `root` is /proc, or a recorded tree in tests.
 */
export class Procfs {
  readonly root: string;
  constructor(root = '/proc') {
    this.root = root;
  }

  text(path: string): string | undefined {
    try {
      return readFileSync(`${this.root}/${path}`, 'utf8');
    } catch {
      return undefined;
    }
  }

  link(path: string): string | undefined {
    try {
      return readlinkSync(`${this.root}/${path}`);
    } catch {
      return undefined;
    }
  }

  list(path: string): string[] {
    try {
      return readdirSync(`${this.root}/${path}`);
    } catch {
      return [];
    }
  }

  pids(): number[] {
    return this.list('')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  }

  /** Start time in clock ticks after boot: with the pid, the identity of a process on this boot (proc(5), stat, field 22). */
  startTicks(pid: number): number | undefined {
    const stat = this.text(`${pid}/stat`);
    if (stat === undefined) return undefined;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[19]);
    return Number.isFinite(ticks) ? ticks : undefined;
  }

  /** Inode of the network namespace. */
  netns(pid: number): number | undefined {
    const match = /net:\[(\d+)\]/.exec(this.link(`${pid}/ns/net`) ?? '');
    return match ? Number(match[1]) : undefined;
  }

  /** Inodes of the sockets that a process holds; undefined where its descriptors may not be read. */
  socketInodes(pid: number): number[] | undefined {
    let names: string[];
    try {
      names = readdirSync(`${this.root}/${pid}/fd`);
    } catch {
      return undefined;
    }
    const inodes: number[] = [];
    for (const name of names) {
      const match = /^socket:\[(\d+)\]$/.exec(this.link(`${pid}/fd/${name}`) ?? '');
      if (match) inodes.push(Number(match[1]));
    }
    return inodes;
  }

  /** Sockets of the namespace that `pid` is in. */
  sockets(pid: number, table: 'tcp' | 'tcp6' | 'udp' | 'udp6'): ProcSocket[] {
    const isListening = table.startsWith('tcp') ? isTcpListener : this.isUdpListener();
    const lines = (this.text(`${pid}/net/${table}`) ?? '').split('\n').slice(1);
    return lines.flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [address, port] = (fields[1] ?? '').split(':');
      if (address === undefined || port === undefined || fields.length < 10) return [];
      return [
        {
          address: parseKernelAddress(address),
          port: parseInt(port, 16),
          isListening: isListening(fields[3] ?? '', parseInt(port, 16)),
          inode: Number(fields[9]),
        },
      ];
    });
  }

  /**
   * UDP knows no listeners: a client that sends without connecting looks the same (state 07), but has a port that the kernel
   * chose. The range is that of the reader's namespace; well-known ports are a server's whatever it is.
   */
  private isUdpListener(): (state: string, port: number) => boolean {
    const [first = NaN, last = NaN] = (this.text('sys/net/ipv4/ip_local_port_range') ?? '32768 60999')
      .trim()
      .split(/\s+/)
      .map(Number);
    return (state, port) => state === '07' && (port < 1024 || port < first || port > last);
  }

  /** Addresses of the namespace that `pid` is in, 16 bytes each. */
  localAddresses(pid: number): Uint8Array[] {
    const addresses: Uint8Array[] = [];
    let candidate: string | undefined;
    for (const line of (this.text(`${pid}/net/fib_trie`) ?? '').split('\n')) {
      const leaf = /\|-- (\d+\.\d+\.\d+\.\d+)/.exec(line);
      if (leaf) candidate = leaf[1];
      else if (candidate !== undefined && line.includes('/32 host LOCAL')) {
        addresses.push(mapIPv4(Uint8Array.from(candidate.split('.'), Number)));
        candidate = undefined;
      }
    }
    for (const line of (this.text(`${pid}/net/if_inet6`) ?? '').split('\n')) {
      const hex = line.slice(0, 32);
      if (/^[0-9a-f]{32}$/.test(hex)) addresses.push(Uint8Array.from(Buffer.from(hex, 'hex')));
    }
    return addresses;
  }
}

export interface ProcSocket {
  /** 16 bytes, IPv4 mapped. */
  readonly address: Uint8Array;
  readonly port: number;
  /** TCP in state LISTEN; UDP without a peer on a port that was asked for. */
  readonly isListening: boolean;
  readonly inode: number;
}

function isTcpListener(state: string): boolean {
  return state === '0A';
}

/** The kernel prints addresses as 32 bit words in host order; little endian is assumed. */
function parseKernelAddress(hex: string): Uint8Array {
  const words = Buffer.from(hex, 'hex');
  for (let i = 0; i + 4 <= words.length; i += 4) words.subarray(i, i + 4).reverse();
  return words.length === 4 ? mapIPv4(words) : Uint8Array.from(words);
}
