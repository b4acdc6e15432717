/** What the nodes and edges of a map are called and look like, the same in every answer. */

export function edgeId(source: string, target: string): string {
  return `${source} → ${target}`;
}

export type NodeKind = 'service' | 'external';

/** @param isService whether an agent or SDK has its rows; else only the far ends of its calls are seen */
export function kindOf(isService: boolean): NodeKind {
  return isService ? 'service' : 'external';
}

export type CalleeKind = 'database' | 'cache' | 'dns' | 'rpc';

/** By protocol; any other is rpc. */
export const CALLEE_KINDS: Readonly<Record<string, CalleeKind>> = {
  mysql: 'database',
  postgresql: 'database',
  postgres: 'database',
  mongodb: 'database',
  redis: 'cache',
  memcached: 'cache',
  dns: 'dns',
};

/** What is called by a protocol; anything not listed is a service. */
export function calleeKind(protocol: string): CalleeKind {
  return Object.hasOwn(CALLEE_KINDS, protocol) ? CALLEE_KINDS[protocol]! : 'rpc';
}

/** Name of Grafana's icon, by what the node serves. */
export function iconOf(isService: boolean, protocols: Iterable<string>): string {
  const kinds = new Set(Array.from(protocols, calleeKind));
  if (kinds.has('database') || kinds.has('cache')) return 'database';
  if (kinds.has('dns')) return 'sitemap';
  return isService ? 'cube' : 'cloud';
}
