import { describe, expect, it } from 'vitest';
import { type NameEvidence, serviceName } from './serviceName.ts';

const evidence = (commandLine: string, over: Partial<NameEvidence> = {}): NameEvidence => ({
  executable: `/usr/bin/${commandLine.split(' ')[0]}`,
  commandLine: commandLine.split(' '),
  environment: new Map(),
  systemdUnit: undefined,
  packageName: () => undefined,
  ...over,
});

describe('serviceName', () => {
  it.each([
    ['java -Xmx1g -cp a.jar:b.jar com.shop.Checkout --port 1', 'Checkout', 'command'],
    ['java -jar /opt/shop/checkout.jar', 'checkout', 'command'],
    ['python3 -W ignore /srv/catalog.py 8080', 'catalog', 'command'],
    ['python3 /srv/catalog/main.py', 'catalog', 'command'],
    ['python3 -m http.server', 'http.server', 'command'],
    ['python3 -m gunicorn -w 4 ledger.wsgi:app', 'ledger.wsgi', 'command'],
    ['node --import ./telemetry.mjs /srv/payments.mjs', 'payments', 'command'],
    ['node /srv/cart/dist/index.js', 'cart', 'command'],
    ['node -e 1', 'node', 'executable'],
    ['nginx: worker process', 'nginx', 'executable'],
    ['redis-server *:6379', 'redis-server', 'executable'],
  ])('%s is %s', (commandLine, name, source) => {
    expect(serviceName(evidence(commandLine))).toEqual({ name, source });
  });

  it('prefers what was declared, then labels, the unit, the command', () => {
    const all = {
      environment: new Map([
        ['OTEL_SERVICE_NAME', 'declared'],
        ['OTEL_RESOURCE_ATTRIBUTES', 'k8s.deployment.name=labelled,x=1'],
      ]),
      systemdUnit: 'unit',
    };
    expect(serviceName(evidence('node a.js', all)).name).toBe('declared');
    all.environment.delete('OTEL_SERVICE_NAME');
    expect(serviceName(evidence('node a.js', all))).toEqual({ name: 'labelled', source: 'labels' });
    all.environment.clear();
    expect(serviceName(evidence('node a.js', all))).toEqual({ name: 'unit', source: 'unit' });
    expect(serviceName(evidence('node index.js', { packageName: () => 'cart' }))).toEqual({
      name: 'cart',
      source: 'command',
    });
  });
});
