// The faults of the shop; each can be switched off again.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { productsRoute } from './configuration.ts';
import { command } from './control/client.ts';
import { DemoError } from './errors.ts';
import { processNamed, type InstanceRecord } from './instance.ts';
import { routerNamespace } from './network.ts';
import { locatePrograms } from './programs.ts';
import { runInRealm, type Realm } from './realm.ts';
import { HTTP_PORT, nodeAddress, type CountingService } from './topology.ts';

export const FAULTS = {
  'slow-sql': 'the product list is ranked by a heavy join without an index',
  'errors-503': 'payments takes one authorisation at a time and answers 503 to the others',
  resets: 'one in five requests from checkout or the gateway to payments is answered with a TCP reset',
  'wrong-upstream': 'the gateway sends product requests to payments, which answers 404',
} as const;

export type FaultName = keyof typeof FAULTS;

export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(FAULTS, name);
}

const RESET_TABLE = 'shop_resets';
const RELOAD_TIMEOUT_MS = 5000;

export interface FaultContext {
  readonly directory: string;
  readonly record: InstanceRecord;
  readonly realm: Realm;
}

export async function setFault(context: FaultContext, name: FaultName, on: boolean): Promise<void> {
  switch (name) {
    case 'slow-sql':
      return tellService(context, 'catalog', name, on);
    case 'errors-503':
      return tellService(context, 'payments', name, on);
    case 'resets':
      return setResets(context, on);
    case 'wrong-upstream':
      return setProductsUpstream(context, on);
  }
}

async function tellService({ record }: FaultContext, service: CountingService, name: string, on: boolean) {
  await command(service, processNamed(record, service).pid, `fault ${name} ${on ? 'on' : 'off'}`);
}

/** The router rejects one in five packets that carry data to payments, at random; its sender sees the connection reset. */
function setResets({ record, realm }: FaultContext, on: boolean): void {
  // Declared before it is deleted, so that deleting succeeds whether it was on or not.
  const off = `table ip ${RESET_TABLE} {}\ndelete table ip ${RESET_TABLE}\n`;
  const match = `ip daddr ${nodeAddress('payments')} tcp dport ${HTTP_PORT} tcp flags & psh == psh`;
  const rules = `table ip ${RESET_TABLE} {
  chain forward {
    type filter hook forward priority filter;
    ${match} numgen random mod 5 == 0 reject with tcp reset
  }
}
`;
  const programs = locatePrograms(record.unpackedRoot);
  runInRealm(realm, [programs.nft, '-f', '-'], {
    namespace: routerNamespace(record.prefix),
    input: on ? off + rules : off,
    environment: programs.environment,
  });
}

/** Returns when new workers serve and the old ones take no more connections. */
async function setProductsUpstream({ directory, record }: FaultContext, on: boolean): Promise<void> {
  const master = processNamed(record, 'gateway').pid;
  const before = children(master);
  writeFileSync(join(directory, 'products-route.conf'), productsRoute(on ? 'payments' : 'catalog'));
  process.kill(master, 'SIGHUP');
  const deadline = performance.now() + RELOAD_TIMEOUT_MS;
  const replaced = (): boolean => {
    const now = children(master);
    const old = now.filter((pid) => before.includes(pid));
    return now.length - old.length >= before.length && old.every(isShuttingDown);
  };
  while (!replaced()) {
    if (performance.now() > deadline) {
      throw new DemoError('NOT_READY', 'the gateway did not reload its configuration within 5 s; see log/gateway.log');
    }
    await delay(20);
  }
}

function children(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').map(Number);
}

function isShuttingDown(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('shutting down');
  } catch {
    return true; // gone
  }
}
