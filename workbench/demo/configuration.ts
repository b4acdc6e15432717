// The files the servers are configured by.
import { DOMAIN, HOST_NETWORKS, HTTP_PORT, NODES, VIRTUAL_ADDRESSES, nodeAddress } from './topology.ts';

export const MYSQL_USER = 'shop';
export const MYSQL_PASSWORD = 'shop';

export function resolvConf(): string {
  return `nameserver ${nodeAddress('dns')}\nsearch ${DOMAIN}\noptions timeout:2 attempts:2\n`;
}

/** Only files and DNS: other name services of the machine answer over unix sockets, from outside the shop. */
export function nsswitchConf(): string {
  return 'passwd: files\ngroup: files\nhosts: files dns\n';
}

export function dnsmasqConf(): string {
  const records: [name: string, address: string][] = [
    ...NODES.flatMap((node) => node.names.map((name): [string, string] => [name, node.address])),
    ...VIRTUAL_ADDRESSES.map(({ name, address }): [string, string] => [name, address]),
    ['otel-collector', HOST_NETWORKS.b.bridgeAddress],
  ];
  return [
    'no-resolv',
    'no-hosts',
    'no-daemon',
    'bind-interfaces',
    `listen-address=${nodeAddress('dns')}`,
    `local=/${DOMAIN}/`,
    'local-ttl=2',
    ...records.map(([name, address]) => `host-record=${name}.${DOMAIN},${address}`),
    '',
  ].join('\n');
}

export function redisConf(): string {
  return ['bind 0.0.0.0', 'protected-mode no', 'save ""', 'appendonly no', 'maxmemory 32mb', 'daemonize no', ''].join(
    '\n'
  );
}

export type ProductsUpstream = 'catalog' | 'payments';

/** Its own file, so that the fault `wrong-upstream` is one rewritten line and a reload. */
export function productsRoute(upstream: ProductsUpstream): string {
  return `proxy_pass http://${upstream}/products;\n`;
}

export function nginxConf(): string {
  const upstream = (name: string): string => `  upstream ${name} {
    server ${name}.${DOMAIN}:${HTTP_PORT};
    keepalive 16;
  }
`;
  return `daemon off;
pid nginx.pid;
worker_processes 2;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path temp/body;
  proxy_temp_path temp/proxy;
  fastcgi_temp_path temp/fastcgi;
  uwsgi_temp_path temp/uwsgi;
  scgi_temp_path temp/scgi;
  keepalive_requests 100000;
${upstream('catalog')}${upstream('checkout')}${upstream('payments')}
  proxy_http_version 1.1;
  proxy_next_upstream off;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  proxy_set_header X-Request-ID $request_id;
  proxy_hide_header X-Request-ID;
  add_header X-Request-ID $request_id always;
  server {
    listen ${HTTP_PORT} backlog=511;
    location /api/products { include products-route.conf; }
    location = /api/checkout { proxy_pass http://checkout/checkout; }
    location /api/payments { proxy_pass http://payments/payments; }
    location / { return 404; }
  }
}
`;
}
