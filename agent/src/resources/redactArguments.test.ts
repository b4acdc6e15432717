import { describe, expect, it } from 'vitest';
import { redactArguments } from './redactArguments.ts';

const SECRET = 'hunter2';

describe('redactArguments', () => {
  it.each([
    [['java', `-Dspring.datasource.password=${SECRET}`, '-jar', 'a.jar']],
    [['java', '-jar', 'a.jar', `--spring.datasource.password=${SECRET}`]],
    [['env', `DB_PASSWORD=${SECRET}`, 'node']],
    [['mysql', '-uroot', `-p${SECRET}`, 'shop']],
    [['/usr/bin/mariadb-dump', `-p${SECRET}`]],
    [['sshpass', '-p', SECRET, 'ssh', 'h']],
    [['redis-cli', '-a', SECRET]],
    [['curl', '-u', `admin:${SECRET}`, 'http://h/']],
    [['redis-server', '--requirepass', SECRET]],
    [['redis-cli', 'CONFIG', 'SET', 'requirepass', SECRET]],
    [['redis-server *:6379 --requirepass hunter2']],
    [['x', `--pass=${SECRET}`]],
    [['x', '--api_key', SECRET]],
    [['x', `/pwd:${SECRET}`]],
    [['curl', '-H', `Authorization: Bearer ${SECRET}`]],
    [['curl', '-H', 'Authorization:', 'Bearer', SECRET]],
    [['curl', '-H', `X-Api-Key: ${SECRET}`]],
    [['curl', '-d', `{"user":"a","password":"${SECRET}"}`]],
    [['x', `Server=db;Database=shop;Password=a;${SECRET};`]],
    [['x', `host=db user=a pwd=${SECRET}`]],
    [['x', `postgres://shop:${SECRET}@db/shop`]],
    [['x', `postgres://shop:a/${SECRET}@b@db/shop`]],
    [['x', `redis://:${SECRET}@cache`]],
    [['x', `https://${SECRET}@git.example/`]],
    [['x', `shop:${SECRET}@tcp(db:3306)/shop`]],
    [['x', '--token', `-${SECRET}`]],
    [['beam.smp', '-setcookie', SECRET]],
    [['sh', '-c', `mysqld --init-password ${SECRET} --port 3306`]],
    [['x', `--password=${'a'.repeat(5000)}${SECRET}`]],
  ])('keeps no secret of %j', (args) => {
    const redacted = redactArguments(args);
    expect(redacted).toHaveLength(args.length);
    expect(redacted.join(' ')).not.toContain(SECRET);
  });

  it('keeps what is no secret', () => {
    for (const args of [
      ['/usr/sbin/nginx', '-g', 'daemon off;'],
      ['java', '-Xmx1g', '-cp', '/opt/a.jar:/opt/b.jar', 'com.shop.Checkout', '--port', '8080'],
      ['python3', 'auth.py', '8080'],
      ['auth-service', '--port', '8080'],
      ['node', '--import', 'file:///srv/node_modules/@scope/telemetry.mjs', 'server.js'],
      ['mysql', '-uroot', '-p', 'shop', '-P3306'],
      ['x', 'http://db:8123/?database=shop'],
    ]) {
      expect(redactArguments(args)).toEqual(args);
    }
  });

  it('says which option had one', () => {
    expect(redactArguments(['x', '--password=a', '--api-key', 'b', 'http://u:p@h/', '--token'])).toEqual([
      'x',
      '--password=[redacted]',
      '--api-key',
      '[redacted]',
      'http://u:[redacted]@h/',
      '--token',
    ]);
  });

  it('comes to an end on hostile arguments', () => {
    const hostile = ['a:'.repeat(512), 'pass-'.repeat(204), '-pass'.repeat(204), '://a'.repeat(256)];
    expect(redactArguments(['x', ...hostile])).toHaveLength(5);
  });
});
