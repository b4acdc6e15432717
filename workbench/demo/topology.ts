// Who runs where. Every instance uses the same addresses: each has network namespaces of its own.
//
//   host a: gateway catalog checkout redis mysql dns load        host b: payments ledger
//       bridge 10.43.1.1/24 ── 10.43.0.0/30 ── router ── 10.43.0.4/30 ── bridge 10.43.2.1/24
//                                   10.43.100.10, .11 → payments, ledger (DNAT)

export const DOMAIN = 'shop.internal';

export const HOST_NAMES = ['a', 'b'] as const;
export type HostName = (typeof HOST_NAMES)[number];

export interface HostNetwork {
  readonly bridgeAddress: string;
  /** The host's own end of its link to the router, and the router's. */
  readonly uplinkAddress: string;
  readonly routerAddress: string;
}

export const HOST_NETWORKS: Readonly<Record<HostName, HostNetwork>> = {
  a: { bridgeAddress: '10.43.1.1', uplinkAddress: '10.43.0.1', routerAddress: '10.43.0.2' },
  b: { bridgeAddress: '10.43.2.1', uplinkAddress: '10.43.0.5', routerAddress: '10.43.0.6' },
};

export interface Node {
  readonly name: string;
  readonly host: HostName;
  readonly address: string;
  /** The names under the shop's domain that dnsmasq answers with this address. */
  readonly names: readonly string[];
}

/** Nodes are network namespaces; all but `load` hold one server from start to stop. */
export const NODES = [
  { name: 'gateway', host: 'a', address: '10.43.1.10', names: ['gateway'] },
  { name: 'catalog', host: 'a', address: '10.43.1.11', names: ['catalog'] },
  { name: 'checkout', host: 'a', address: '10.43.1.12', names: ['checkout'] },
  { name: 'redis', host: 'a', address: '10.43.1.20', names: ['redis'] },
  { name: 'mysql', host: 'a', address: '10.43.1.21', names: ['mysql'] },
  { name: 'dns', host: 'a', address: '10.43.1.53', names: ['dns'] },
  { name: 'load', host: 'a', address: '10.43.1.100', names: [] },
  { name: 'payments', host: 'b', address: '10.43.2.11', names: ['payments.zone-b'] },
  { name: 'ledger', host: 'b', address: '10.43.2.12', names: ['ledger.zone-b'] },
] as const satisfies readonly Node[];

export type NodeName = (typeof NODES)[number]['name'];

/** Services that count what they receive and call. */
export const COUNTING_SERVICES = ['catalog', 'checkout', 'payments', 'ledger'] as const satisfies readonly NodeName[];
export type CountingService = (typeof COUNTING_SERVICES)[number];

/** Addresses that no machine has; the router sends them on. */
export const VIRTUAL_ADDRESSES = [
  { name: 'payments', address: '10.43.100.10', target: '10.43.2.11' },
  { name: 'ledger', address: '10.43.100.11', target: '10.43.2.12' },
] as const;

export const HTTP_PORT = 8080;
export const OTLP_HTTP_PORT = 4318;

export function nodeAddress(name: NodeName): string {
  const node = NODES.find((candidate) => candidate.name === name);
  if (node === undefined) throw new Error(`no node ${name}`);
  return node.address;
}
