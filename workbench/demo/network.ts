// Builds and removes the namespaces, bridges, routes and the DNAT of one instance.
import { HOST_NAMES, HOST_NETWORKS, HTTP_PORT, NODES, VIRTUAL_ADDRESSES, type HostName } from './topology.ts';

export const NFT_TABLE = 'shop';

export function nodeNamespace(prefix: string, node: string): string {
  return `${prefix}-${node}`;
}

export function hostNamespace(prefix: string, host: HostName): string {
  return `${prefix}-host-${host}`;
}

export function routerNamespace(prefix: string): string {
  return `${prefix}-router`;
}

export function hostNamespaces(prefix: string, host: HostName): string[] {
  const nodes = NODES.filter((node) => node.host === host).map((node) => nodeNamespace(prefix, node.name));
  return [hostNamespace(prefix, host), ...nodes];
}

export function allNamespaces(prefix: string): string[] {
  return [...HOST_NAMES.flatMap((host) => hostNamespaces(prefix, host)), routerNamespace(prefix)];
}

/** A shell script for root of the realm; stops at the first command that fails. */
export function setUpScript(prefix: string): string {
  const router = routerNamespace(prefix);
  const lines = allNamespaces(prefix).flatMap((namespace) => [
    `ip netns add ${namespace}`,
    `ip -n ${namespace} link set lo up`,
  ]);
  for (const host of HOST_NAMES) {
    const namespace = hostNamespace(prefix, host);
    const { bridgeAddress, uplinkAddress, routerAddress } = HOST_NETWORKS[host];
    lines.push(
      `ip -n ${namespace} link add br0 type bridge`,
      `ip -n ${namespace} addr add ${bridgeAddress}/24 dev br0`,
      `ip -n ${namespace} link set br0 up`,
      `ip -n ${namespace} link add uplink type veth peer name host-${host} netns ${router}`,
      `ip -n ${namespace} addr add ${uplinkAddress}/30 dev uplink`,
      `ip -n ${namespace} link set uplink up`,
      `ip -n ${router} addr add ${routerAddress}/30 dev host-${host}`,
      `ip -n ${router} link set host-${host} up`,
      `ip -n ${namespace} route add default via ${routerAddress}`,
      `ip -n ${router} route add ${bridgeAddress.replace(/\d+$/, '0')}/24 via ${uplinkAddress}`
    );
    for (const node of NODES.filter((candidate) => candidate.host === host)) {
      const own = nodeNamespace(prefix, node.name);
      lines.push(
        `ip -n ${namespace} link add v-${node.name} type veth peer name eth0 netns ${own}`,
        `ip -n ${namespace} link set v-${node.name} master br0 up`,
        `ip -n ${own} addr add ${node.address}/24 dev eth0`,
        `ip -n ${own} link set eth0 up`,
        `ip -n ${own} route add default via ${bridgeAddress}`
      );
    }
  }
  for (const namespace of [router, ...HOST_NAMES.map((host) => hostNamespace(prefix, host))]) {
    lines.push(inNamespace(namespace, 'echo 1 >/proc/sys/net/ipv4/ip_forward'));
  }
  // dnsmasq runs unprivileged and listens on port 53.
  lines.push(inNamespace(nodeNamespace(prefix, 'dns'), 'echo 53 >/proc/sys/net/ipv4/ip_unprivileged_port_start'));
  return lines.join('\n') + '\n';
}

/** nftables rules of the router: `nft -f -` inside its namespace. */
export function routerRules(): string {
  const destinations = VIRTUAL_ADDRESSES.map(
    ({ address, target }) => `ip daddr ${address} tcp dport ${HTTP_PORT} dnat to ${target}`
  );
  return [
    `table ip ${NFT_TABLE} {`,
    '  chain destinations {',
    '    type nat hook prerouting priority dstnat;',
    ...destinations.map((rule) => `    ${rule}`),
    '  }',
    '}',
    '',
  ].join('\n');
}

function inNamespace(namespace: string, script: string): string {
  return `nsenter --net=/run/netns/${namespace} sh -c '${script}'`;
}
