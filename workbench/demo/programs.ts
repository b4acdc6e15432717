// The servers and runtimes of the shop: Debian packages unpacked in a folder of ours, or the machine's own where Debian
// says they are installed already.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DemoError } from './errors.ts';

export const DEBIAN_PACKAGES = [
  'dnsmasq-base',
  'iproute2',
  'mariadb-client-core',
  'mariadb-server-core',
  'nftables',
  'nginx',
  'openjdk-17-jre-headless',
  'python3',
  'redis-server',
] as const;

export interface Programs {
  readonly dnsmasq: string;
  readonly java: string;
  readonly mariadbd: string;
  readonly mariadbInstallDb: string;
  readonly nft: string;
  readonly nginx: string;
  readonly python: string;
  readonly redisServer: string;
  /** What the programs need in their environment to find their own files. */
  readonly environment: Readonly<Record<string, string>>;
}

export function locatePrograms(unpackedRoot: string): Programs {
  const roots = [unpackedRoot, '/'];

  function find(debianPackage: string, ...candidates: string[]): string {
    for (const root of roots) {
      for (const candidate of candidates) {
        const path = join(root, candidate);
        if (existsSync(path)) return path;
      }
    }
    throw new DemoError(
      'PROGRAM_MISSING',
      `${candidates.join(' or ')} of package ${debianPackage} found neither in ${unpackedRoot} nor on this machine; ` +
        'delete the folder and start again to download it anew'
    );
  }

  const libraries = ['usr/lib', 'lib'].flatMap((folder) => {
    const multiarch = join(unpackedRoot, folder, multiarchTriplet());
    return existsSync(multiarch) ? [multiarch] : [];
  });
  return {
    dnsmasq: find('dnsmasq-base', 'usr/sbin/dnsmasq'),
    java: find('openjdk-17-jre-headless', `usr/lib/jvm/java-17-openjdk-${debianArchitecture()}/bin/java`),
    mariadbd: find('mariadb-server-core', 'usr/sbin/mariadbd'),
    mariadbInstallDb: find('mariadb-server-core', 'usr/bin/mariadb-install-db'),
    nft: find('nftables', 'usr/sbin/nft'),
    nginx: find('nginx', 'usr/sbin/nginx'),
    python: find('python3', ...pythonNames(unpackedRoot)),
    redisServer: find('redis-server', 'usr/bin/redis-server'),
    environment: {
      PATH:
        ['usr/sbin', 'usr/bin', 'sbin', 'bin'].map((folder) => join(unpackedRoot, folder)).join(':') +
        ':/usr/sbin:/usr/bin:/sbin:/bin',
      ...(libraries.length > 0 ? { LD_LIBRARY_PATH: libraries.join(':') } : {}),
    },
  };
}

/** `python3` itself is a link to the version, which a package of its own brings. */
function pythonNames(unpackedRoot: string): string[] {
  const folder = join(unpackedRoot, 'usr/bin');
  const versions = existsSync(folder) ? readdirSync(folder).filter((name) => /^python3\.\d+$/.test(name)) : [];
  return [...versions.map((name) => `usr/bin/${name}`), 'usr/bin/python3'];
}

function debianArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

function multiarchTriplet(): string {
  return process.arch === 'x64' ? 'x86_64-linux-gnu' : 'aarch64-linux-gnu';
}
