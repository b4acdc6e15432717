import { createServer } from 'node:net';
import { type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parseAddress } from '@throughline/core';
import { ProcessRegistry } from './ProcessRegistry.ts';

const host = { hostId: 'h', hostName: 'h', bootId: 'b' };

describe('ProcessRegistry on this host', () => {
  it('knows this process, the same every time, and who listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const registry = new ProcessRegistry({ host });
      const own = registry.lookup(process.pid)!;
      expect(own.attributes.get('process.pid')).toBe(String(process.pid));
      expect(new ProcessRegistry({ host }).lookup(process.pid)!.id).toBe(own.id);
      expect(new ProcessRegistry({ host: { ...host, hostId: 'other' } }).lookup(process.pid)!.id).not.toBe(own.id);
      const { listeners } = registry.scan();
      const ours = listeners.find((listener) => listener.port === port);
      expect(ours?.owner.pid).toBe(process.pid);
      expect(ours?.isNamespaceLocal).toBe(true);
      expect(registry.listenerAt(own.netns, parseAddress('127.0.0.1')!, port)?.pid).toBe(process.pid);
      expect(registry.listenerAt(own.netns + 1, parseAddress('127.0.0.1')!, port)).toBeUndefined();
    } finally {
      server.close();
    }
  });

  it('says when a listener ended', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const registry = new ProcessRegistry({ host });
    registry.scan();
    await new Promise((resolve) => server.close(resolve));
    const ended = registry.scan().listeners.find((listener) => listener.port === port);
    expect(ended?.validToNs).toBeGreaterThan(0n);
    expect(registry.scan().listeners.some((listener) => listener.port === port)).toBe(false);
  });

  it('counts a process that is gone', () => {
    const registry = new ProcessRegistry({ host });
    expect(registry.lookup(2 ** 22 + 1)).toBeUndefined();
    expect(registry.unreadable['process_gone']).toBe(1);
  });
});
